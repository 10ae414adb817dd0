import { describe, expect, it } from 'vitest'
import type { CatalogAnswer } from '@/api/types'
import { livePaths, sections } from '@/panels'
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

  it('show all seven metric types, and rings are kept for each', () => {
    const types = [
      'cpu',
      'memory',
      'network',
      'disk',
      'perf_events',
      'memory_bandwidth',
      'pressure',
    ]
    expect(sections.map((section) => section.type)).toEqual(types)
    for (const type of types)
      expect(livePaths.some((path) => path.startsWith(`${type}.`))).toBe(true)
  })
})
