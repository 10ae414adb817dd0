import { describe, expect, it } from 'vitest'
import { changesOf, forecastText, GIB, toForm } from './retentionForm'

const policy = {
  full_resolution_days: 30,
  downsample_interval: '5m',
  downsampled_days: 365,
  max_bytes: null,
}

it('changes nothing when nothing was typed', () => {
  expect(changesOf(toForm(policy), policy)).toEqual({})
  // 123 bytes are no round number of GiB: showing it must not change it.
  expect(
    changesOf(toForm({ ...policy, max_bytes: 5 * GIB + 123 }), {
      ...policy,
      max_bytes: 5 * GIB + 123,
    }),
  ).toEqual({})
})

it('sends only what differs', () => {
  expect(changesOf({ ...toForm(policy), full_resolution_days: 31 }, policy)).toEqual({
    full_resolution_days: 31,
  })
  expect(changesOf({ ...toForm(policy), max_gib: 2 }, policy)).toEqual({ max_bytes: 2 * GIB })
  expect(changesOf({ ...toForm(policy), max_gib: '' }, { ...policy, max_bytes: GIB })).toEqual({
    max_bytes: null,
  })
})

describe('the forecast', () => {
  const now = Date.parse('2026-11-22T00:00:00Z')
  const forecast = {
    bytes: 3 * GIB,
    full_bytes: 2 * GIB,
    downsampled_bytes: GIB,
    downsampled_measured: true,
    limited: false,
    reached: '2027-11-22T00:00:00.000Z',
  }
  const write = (part: Partial<typeof forecast>) =>
    forecastText({ ...forecast, ...part }, now, 'UTC').replaceAll('\u00a0', ' ')

  it('says how much and when', () => {
    expect(write({})).toBe(
      'about 3.00 GiB, reached on 2027-11-22: 2.00 GiB full, 1.00 GiB downsampled',
    )
    expect(write({ reached: '2026-01-01T00:00:00Z', downsampled_measured: false })).toBe(
      'about 3.00 GiB: 2.00 GiB full, 1.00 GiB downsampled (a guess)',
    )
  })

  it('says what a bound keeps from being stored, and when nothing is known', () => {
    expect(write({ limited: true, bytes: GIB })).toMatch(
      /1.00 GiB.*the bound; all days would take 2/,
    )
    expect(forecastText(null, now, 'UTC')).toMatch(/first hours/)
  })
})
