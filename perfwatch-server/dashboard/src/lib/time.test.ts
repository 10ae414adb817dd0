import { describe, expect, it } from 'vitest'
import {
  formatDateTime,
  formatTimeTick,
  fromInput,
  fromWallClock,
  HOUR,
  isZone,
  timeTicks,
  toInput,
  zoneOffset,
} from './time'

const at = (text: string): number => Date.parse(text)
const berlin = 'Europe/Berlin'

describe('time zones', () => {
  it('write a moment as the zone reads it', () => {
    expect(formatDateTime(at('2026-11-23T05:15:00Z'), berlin)).toBe('2026-11-23 06:15:00')
    expect(formatDateTime(at('2026-11-23T20:15:00Z'), 'Asia/Kolkata')).toBe('2026-11-24 01:45:00')
    expect(zoneOffset(at('2026-07-01T00:00:00Z'), berlin)).toBe(2 * HOUR)
  })

  it.each([
    '2026-03-29T00:30:00Z',
    '2026-03-29T01:30:00Z',
    '2026-10-25T02:30:00Z',
    '2026-07-01T12:00:00Z',
  ])('lead back to %s from what its inputs show', (text) => {
    expect(fromInput(toInput(at(text), berlin), berlin)).toBe(at(text))
  })

  it('accept inputs with and without seconds, and nothing else', () => {
    expect(fromInput('2026-11-23T06:15', 'UTC')).toBe(at('2026-11-23T06:15:00Z'))
    expect(fromInput('2026-11-23T06:15:07', 'UTC')).toBe(at('2026-11-23T06:15:07Z'))
    expect(fromInput('', 'UTC')).toBeNull()
  })

  it('are known or not', () => {
    expect(isZone(berlin)).toBe(true)
    expect(isZone('Nowhere/City')).toBe(false)
  })
})

describe('ticks', () => {
  it('stand at the round hours of the zone, not of UTC', () => {
    const from = at('2026-11-23T00:10:00Z')
    const ticks = timeTicks(from, from + 24 * HOUR, 'Asia/Kolkata', 6)
    expect(ticks.map((time) => formatTimeTick(time, 'Asia/Kolkata', 24 * HOUR))).toEqual([
      '06:00',
      '12:00',
      '18:00',
      '11-24',
    ])
  })

  it('stay round across a clock change', () => {
    const from = at('2026-10-24T22:00:00Z')
    const ticks = timeTicks(from, from + 25 * HOUR, berlin, 6)
    expect(ticks.map((time) => formatTimeTick(time, berlin, 25 * HOUR))).toEqual([
      '10-25',
      '06:00',
      '12:00',
      '18:00',
      '10-26',
    ])
    expect(ticks[1]! - ticks[0]!).toBe(7 * HOUR)
  })

  it.each([1, 60, 3600, 86_400, 86_400 * 365])('are few and inside for %s s', (seconds) => {
    const from = at('2026-11-23T05:15:03Z')
    const to = from + seconds * 1000
    const ticks = timeTicks(from, to, 'UTC', 8)
    expect(ticks.length).toBeLessThanOrEqual(9)
    expect(ticks.every((time) => time >= from && time <= to)).toBe(true)
    expect(fromWallClock(from, 'UTC')).toBe(from)
  })
})
