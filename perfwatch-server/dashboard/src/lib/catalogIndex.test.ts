import { describe, expect, it } from 'vitest'
import type { CatalogAnswer } from '@/api/types'
import { isDrawn, isMissed, livePaths, type Panel, sections } from '@/panels'
import generated from '../../generated/catalog.json'
import { CatalogIndex } from './catalogIndex'

const catalog = new CatalogIndex(generated as CatalogAnswer)

describe('CatalogIndex', () => {
  it.each([
    ['cpu.usage_percent', 'Usage', 'percent'],
    ['cpu.cores.0.frequency_mhz', 'Frequency', 'megahertz'],
    ['network.interfaces["a.b"].bytes_recv_per_sec', 'Bytes recv', 'bytes_per_second'],
    ['memory_bandwidth.page_in_bytes_per_sec', 'Page in', 'bytes_per_second'],
    ['perf_events.ipc', 'IPC', 'ratio'],
    ['pressure.io.some_percent', 'Some', 'percent'],
  ])('%s is "%s" in %s', (path, label, unit) => {
    expect(catalog.label(path)).toBe(label)
    expect(catalog.unit(path)).toBe(unit)
    expect(catalog.help(path)).not.toBe('')
  })

  it('writes a code as its word, and a number with its unit', () => {
    const kind = 'network.interfaces.eth0.kind'
    expect(catalog.write(kind, 5)).toBe('VLAN')
    expect(catalog.write(kind, 99)).toBe('99')
    expect(catalog.write(kind, null)).toBe('—')
    expect(catalog.write('power.package_watts', 12.5)).toBe('12.5\u00a0W')
  })

  it('tells rows', () => {
    expect(catalog.row('disk.filesystems["/home"].used_bytes')).toBe('/home')
    expect(catalog.row('cpu.usage_percent')).toBeNull()
  })

  it('names lines by what differs', () => {
    expect(catalog.labels(['pressure.cpu.some_percent', 'pressure.io.some_percent'])).toEqual([
      'cpu',
      'io',
    ])
    expect(catalog.labels(['disk.reads_per_sec', 'disk.writes_per_sec'])).toEqual([
      'Reads',
      'Writes',
    ])
    expect(catalog.labels(['pressure.cpu.some_percent', 'pressure.cpu.full_percent'])).toEqual([
      'cpu · Some',
      'cpu · Full',
    ])
  })

  it('survives a field that it does not know', () => {
    expect(catalog.label('cpu.of_tomorrow')).toBe('Of tomorrow')
    expect(catalog.unit('cpu.of_tomorrow')).toBe('')
  })
})

describe('panels', () => {
  const panels = sections.flatMap((section) => section.panels)

  it('have names of their own', () => {
    expect(new Set(panels.map((panel) => panel.id)).size).toBe(panels.length)
  })

  it.each(panels.map((panel) => [panel.id, panel] as const))(
    '%s has fields of one unit',
    (_id, panel) => {
      const units = new Set(panel.paths.map((path) => catalog.unit(path)))
      expect([...units]).toHaveLength(1)
      expect([...units]).not.toContain('')
    },
  )

  it('show all metric types but that of the monitor, and rings are kept for each', () => {
    const types = catalog.types.map((type) => type.name).filter((name) => name !== 'monitor')
    expect(sections.map((section) => section.type)).toEqual(types)
    for (const type of types)
      expect(livePaths.some((path) => path.startsWith(`${type}.`))).toBe(true)
  })

  it.each([
    ['values', [NaN, 3], true, true, false],
    ['zeros', [0, 0], true, false, false],
    ['nothing', [NaN, null], false, false, true],
  ])('with %s are drawn, missed or rare', (_what, values, drawn, rareDrawn, missed) => {
    const panel: Panel = { id: 'x', title: 'X', paths: [] }
    const series = [{ path: 'x', values }]
    expect(isDrawn(panel, series)).toBe(drawn)
    expect(isDrawn({ ...panel, rare: true }, series)).toBe(rareDrawn)
    expect(isMissed(panel, series)).toBe(missed)
    expect(isMissed({ ...panel, rare: true }, series)).toBe(false)
  })
})
