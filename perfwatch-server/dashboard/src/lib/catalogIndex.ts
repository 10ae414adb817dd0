/** The catalog, ready for questions: which field is this path, what is it called, what does it mean. */
import type { CatalogAnswer, CatalogField, CatalogTable, CatalogType } from '@/api/types'
import { splitPath } from './paths'
import { formatValue, unitSuffixes } from './units'

export interface FieldInfo extends CatalogField {
  table: CatalogTable
}

const acronyms = new Set([
  'tcp',
  'udp',
  'ipc',
  'llc',
  'l1d',
  'l1i',
  'dtlb',
  'itlb',
  'cpu',
  'irq',
  'oom',
  'io',
  'zfs',
  'arc',
])

/** A name as a person writes it: `bytes_recv` -> "Bytes recv". */
export function humanize(name: string): string {
  const words = name.split('_').map((word) => (acronyms.has(word) ? word.toUpperCase() : word))
  const text = words.join(' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

export class CatalogIndex {
  readonly types: readonly CatalogType[]
  private readonly fields = new Map<string, FieldInfo>()

  constructor(answer: CatalogAnswer) {
    this.types = answer.metric_types
    for (const table of answer.metric_types.flatMap((type) => type.tables)) {
      for (const field of table.fields) {
        this.fields.set(`${table.name}${table.row ? '.*' : ''}.${field.name}`, { ...field, table })
      }
    }
  }

  type(name: string): CatalogType | undefined {
    return this.types.find((type) => type.name === name)
  }

  /** The field of a path with or without its row. */
  field(path: string): FieldInfo | undefined {
    const exact = this.fields.get(path)
    if (exact !== undefined) return exact
    const segments = splitPath(path)
    if (segments.length < 3) return undefined
    const name = segments.at(-1)
    return this.fields.get(`${segments.slice(0, -2).join('.')}.*.${name}`)
  }

  /** The row of a concrete path: `eth0` of `network.interfaces.eth0.bytes_recv_per_sec`. */
  row(path: string): string | null {
    if (this.fields.has(path)) return null
    return this.field(path)?.table.row ? (splitPath(path).at(-2) ?? null) : null
  }

  unit(path: string): string {
    return this.field(path)?.unit ?? ''
  }

  /** A value as people read it: a number with its unit, or the word that a code stands for. */
  write(path: string, value: number | null | undefined): string {
    const field = this.field(path)
    const code = field?.codes?.find((one) => one.value === value)
    return code?.word ?? formatValue(value, field?.unit ?? '')
  }

  help(path: string): string {
    return this.field(path)?.help ?? ''
  }

  /** The field's name without the unit that is shown beside every number. */
  label(path: string): string {
    const field = this.field(path)
    const name = field?.name ?? splitPath(path).at(-1) ?? path
    const suffixes = unitSuffixes(field?.unit ?? '')
    const suffix = suffixes.find((one) => name.endsWith(one)) ?? ''
    return humanize(name.slice(0, name.length - suffix.length))
  }

  /** Labels for lines drawn together: a row where rows differ, a field where fields differ. */
  labels(paths: readonly string[]): string[] {
    const fields = new Set(paths.map((path) => this.label(path)))
    return paths.map((path) => {
      const row = this.row(path)
      if (row === null) return this.label(path)
      return fields.size > 1 ? `${row} · ${this.label(path)}` : row
    })
  }
}
