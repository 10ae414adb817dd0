/** The answer about changes as rows to read. */
import type { ChangesAnswer, SeriesChange } from '@/api/types'
import type { CatalogIndex } from './catalogIndex'
import { splitPath } from './paths'
import { formatChange, formatNumber } from './units'

export interface ChangeRow {
  path: string
  /** The metric type whose charts it belongs to. */
  type: string
  help: string
  /** `p95` where the spikes moved, and not the whole. */
  figure: SeriesChange['moved']
  before: string
  after: string
  change: string
  effect: string
  up: boolean
}

export function changeRows(answer: ChangesAnswer, catalog: CatalogIndex): ChangeRow[] {
  return answer.changes.map((one) => {
    const figure = one.moved
    return {
      path: one.path,
      type: splitPath(one.path)[0] ?? '',
      help: one.help || catalog.help(one.path),
      figure,
      before: catalog.write(one.path, one.before[figure]),
      after: catalog.write(one.path, one.after[figure]),
      change: one.change_percent === null ? 'from 0' : formatChange(one.change_percent),
      effect: effectText(one.effect),
      up: one.direction === 'up',
    }
  })
}

/** A multiple of the noise, with its sign. */
function effectText(effect: number): string {
  const size = Math.abs(effect)
  return `${effect < 0 ? '−' : '+'}${formatNumber(size, size < 99.95 ? 1 : 0)}`
}

/** What is behind the list, in one sentence. */
export function summaryOf(answer: ChangesAnswer): string {
  const { series, below_floor: below, too_few_points: few } = answer
  const beyond = answer.changed - answer.changes.length
  const parts = [
    `${answer.changed} of ${series} series changed${beyond > 0 ? ` (${beyond} not shown)` : ''}`,
    `${below} moved by less than ${answer.min_effect} times their noise`,
  ]
  if (few > 0) parts.push(`${few} with too few points`)
  return parts.join(', ')
}
