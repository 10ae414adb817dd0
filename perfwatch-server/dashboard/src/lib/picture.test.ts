import { describe, expect, it } from 'vitest'
import {
  clampZoom,
  defaultPicture,
  fromQuery,
  type Picture,
  sameData,
  stepZoom,
  toQuery,
} from './picture'

const span = { from: Date.parse('2026-11-22T00:00:00Z'), to: Date.parse('2026-11-22T06:00:00Z') }
const zoom = { from: span.from + 60_000, to: span.from + 120_000 }

const pictures: [string, Picture][] = [
  ['the default', defaultPicture],
  [
    'a preset',
    { ...defaultPicture, type: 'disk', range: { preset: '7d' }, aggregate: 'max', host: 'db-01' },
  ],
  ['a zoomed range', { ...defaultPicture, range: span, zoom }],
  ['a relative comparison', { ...defaultPicture, compare: { period: 'week', to: 'last_week' } }],
  [
    'one series of a comparison',
    {
      ...defaultPicture,
      type: 'disk',
      series: 'disk.filesystems["/home"].usage_percent',
      compare: { period: 'hour', to: 'yesterday' },
    },
  ],
  [
    'two ranges',
    {
      ...defaultPicture,
      range: span,
      compare: { previous: { from: span.from - 1000, to: span.to - 1000 } },
    },
  ],
]

describe('the picture in the URL', () => {
  it.each(pictures)('gives back %s', (_name, picture) => {
    expect(fromQuery(toQuery(picture))).toEqual(picture)
  })

  it('is some valid picture whatever is typed', () => {
    const typed = {
      type: '<script>',
      range: '9q',
      aggregate: ['max'],
      from: 'yesterday',
      zoom_from: '5',
      compare_to: 'never',
      series: 'disk.usage_percent',
    }
    expect(fromQuery(typed)).toEqual(defaultPicture)
  })

  it('needs no loading when only the zoom differs', () => {
    expect(
      sameData({ ...defaultPicture, range: span, zoom }, { ...defaultPicture, range: span }),
    ).toBe(true)
    expect(sameData(defaultPicture, { ...defaultPicture, type: 'disk' })).toBe(false)
  })
})

describe('zoom', () => {
  const range = { from: 0, to: 100_000 }

  it('stays inside the range', () => {
    expect(clampZoom({ from: -5000, to: 20_000 }, range)).toEqual({ from: 0, to: 25_000 })
    expect(clampZoom({ from: 90_000, to: 120_000 }, range)).toEqual({ from: 70_000, to: 100_000 })
  })

  it('is at least a second, and none when it is everything', () => {
    expect(clampZoom({ from: 5000, to: 5000 }, range)).toEqual({ from: 5000, to: 6000 })
    expect(clampZoom({ from: 10, to: 99_990 }, range)).toBeNull()
  })

  it('is changed by buttons', () => {
    expect(stepZoom(range, range, 0.5, 0)).toEqual({ from: 25_000, to: 75_000 })
    expect(stepZoom({ from: 25_000, to: 75_000 }, range, 1, 0.5)).toEqual({
      from: 50_000,
      to: 100_000,
    })
    expect(stepZoom({ from: 25_000, to: 75_000 }, range, 2, 0)).toBeNull()
  })
})
