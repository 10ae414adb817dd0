import { expect, it } from 'vitest'
import { changesOf, estimate, GIB, toForm } from './retentionForm'
import { DAY } from './time'

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

it('estimates the disk use, and keeps silent while it cannot know', () => {
  const usage = {
    bytes: 2000,
    frames: 1,
    downsampled_frames: 0,
    oldest: '2026-11-20T00:00:00Z',
    newest: '2026-11-22T00:00:00Z',
  }
  expect(estimate(usage, 30)).toEqual({ perDay: 1000, full: 30_000 })
  expect(
    estimate(
      { ...usage, oldest: new Date(Date.parse(usage.newest) - DAY / 100).toISOString() },
      30,
    ),
  ).toBeNull()
  expect(estimate({ ...usage, oldest: null, newest: null }, 30)).toBeNull()
})
