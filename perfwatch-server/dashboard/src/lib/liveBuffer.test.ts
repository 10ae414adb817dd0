import { describe, expect, it } from 'vitest'
import { LiveBuffer } from './liveBuffer'

const values = (value: number, path = 'a'): Map<string, number> => new Map([[path, value]])

function filledWith(times: number[], capacity = 5): LiveBuffer {
  const buffer = new LiveBuffer(capacity)
  times.forEach((time) => buffer.append(time, values(time * 10)))
  return buffer
}

describe('LiveBuffer', () => {
  it('keeps the newest frames, oldest first', () => {
    const buffer = filledWith([1, 2, 3, 4, 5, 6, 7])
    expect([...buffer.timestamps()]).toEqual([3, 4, 5, 6, 7])
    expect([...buffer.values('a')]).toEqual([30, 40, 50, 60, 70])
  })

  it('says NaN where a series was missing', () => {
    const buffer = filledWith([1, 2])
    buffer.append(3, values(1, 'b'))
    expect([...buffer.values('a')]).toEqual([10, 20, NaN])
    expect([...buffer.values('b')]).toEqual([NaN, NaN, 1])
    expect([...buffer.values('unknown')]).toEqual([NaN, NaN, NaN])
  })

  it('takes a frame once: the socket repeats the latest when it opens', () => {
    const buffer = filledWith([1, 2])
    expect(buffer.append(2, values(99))).toBe(false)
    expect([...buffer.values('a')]).toEqual([10, 20])
  })

  it('drops later labels when the clock steps back', () => {
    const buffer = filledWith([1, 2, 30, 31])
    buffer.append(3, values(5))
    expect([...buffer.timestamps()]).toEqual([1, 2, 3])
    expect([...buffer.values('a')]).toEqual([10, 20, 5])
  })

  it('is filled from history without losing what it has', () => {
    const buffer = filledWith([1, 4])
    buffer.append(5, values(7, 'b'))
    buffer.merge(
      [2, 3, 4, 5],
      [
        { path: 'a', values: [20, 30, 999, 50] },
        { path: 'c', values: [null, null, 4, null] },
      ],
    )
    expect([...buffer.timestamps()]).toEqual([1, 2, 3, 4, 5])
    expect([...buffer.values('a')]).toEqual([10, 20, 30, 40, 50])
    expect([...buffer.values('b')]).toEqual([NaN, NaN, NaN, NaN, 7])
    expect([...buffer.values('c')]).toEqual([NaN, NaN, NaN, 4, NaN])
  })

  it('ignores times for which history has nothing, and stays bounded', () => {
    const buffer = filledWith([6, 7])
    buffer.merge([1, 2, 3, 4, 5], [{ path: 'a', values: [1, null, 3, 4, 5] }])
    expect([...buffer.timestamps()]).toEqual([3, 4, 5, 6, 7])
    buffer.append(8, values(8))
    expect([...buffer.timestamps()]).toEqual([4, 5, 6, 7, 8])
  })

  it('finds the first hole', () => {
    const buffer = filledWith([10, 11, 14, 15])
    expect(buffer.firstGap(9, 1.5)).toBe(11)
    expect(buffer.firstGap(2, 1.5)).toBe(2)
    expect(buffer.firstGap(13, 1.5)).toBeNull()
  })
})
