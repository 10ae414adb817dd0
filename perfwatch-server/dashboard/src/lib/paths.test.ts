import { describe, expect, it } from 'vitest'
import { collect, joinPath, matches, numberAt, rowsAt, splitPath } from './paths'

describe('paths', () => {
  const cases: [string, string[]][] = [
    ['cpu.usage_percent', ['cpu', 'usage_percent']],
    ['cpu.cores.0.usage_percent', ['cpu', 'cores', '0', 'usage_percent']],
    ['disk.filesystems["/home"].usage_percent', ['disk', 'filesystems', '/home', 'usage_percent']],
    ['network.interfaces["a.b\\"]\\\\"].up', ['network', 'interfaces', 'a.b"]\\', 'up']],
    ['pressure.*.some_percent', ['pressure', '*', 'some_percent']],
  ]
  it.each(cases)('%s is read and written back', (path, segments) => {
    expect(splitPath(path)).toEqual(segments)
    expect(joinPath(segments)).toBe(path)
  })

  it('keeps an unreadable rest', () => {
    expect(splitPath('cpu.["x')).toEqual(['cpu', '.["x'])
  })

  it('matches a whole segment with *', () => {
    expect(matches('disk.filesystems.*.used_bytes', 'disk.filesystems["/a.b"].used_bytes')).toBe(
      true,
    )
    expect(matches('cpu.*.usage_percent', 'cpu.cores.0.usage_percent')).toBe(false)
    expect(matches('cpu.usage_percent', 'cpu.user_percent')).toBe(false)
  })

  it('collects numbers only, each with its path', () => {
    const data = {
      pressure: {
        cpu: { some_percent: 1 },
        irq: { some_percent: null },
        'a b': { some_percent: 2 },
      },
    }
    const found: [string, number][] = []
    collect(data, splitPath('pressure.*.some_percent'), (path, value) => found.push([path, value]))
    expect(found).toEqual([
      ['pressure.cpu.some_percent', 1],
      ['pressure["a b"].some_percent', 2],
    ])
  })

  it('reads what is there, and null for the rest', () => {
    expect(numberAt({ a: { b: 1 } }, 'a', 'b')).toBe(1)
    expect(numberAt({ a: { b: null } }, 'a', 'b')).toBeNull()
    expect(numberAt({}, 'constructor', 'length')).toBeNull()
  })

  it('sorts rows as people count', () => {
    const cores = { 10: { usage: 1 }, 9: { usage: 2 }, broken: null }
    expect(rowsAt({ cpu: { cores } }, 'cpu', 'cores').map(([name]) => name)).toEqual(['9', '10'])
  })
})
