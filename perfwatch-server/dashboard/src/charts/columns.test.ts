import { describe, expect, it } from 'vitest'
import {
  averageOf,
  busiest,
  type ChartColumns,
  type Figure,
  fromCompare,
  figureOf,
  fromHistory,
  lastValue,
  withDetail,
} from './columns'

const head = {
  host: 'h',
  metric_type: 'cpu',
  start_time: '',
  end_time: '',
  interval: 'auto',
  tier: 'raw',
  aggregates: ['avg'],
  damaged: 0,
}

describe('columns', () => {
  it('are taken from history, with the widest spacing as the gap', () => {
    const series = [
      { path: 'cpu.usage_percent', aggregate: 'avg', unit: 'percent', values: [1, null] },
    ]
    const raw = fromHistory({
      ...head,
      step_ms: 0,
      resolution_ms: 5000,
      timestamps_ms: [0, 5000],
      series,
    })
    expect(raw.gapMs).toBe(7500)
    expect(
      fromHistory({ ...head, step_ms: 60_000, resolution_ms: 5000, timestamps_ms: [], series: [] })
        .gapMs,
    ).toBe(90_000)
    expect(raw.series).toEqual([{ path: 'cpu.usage_percent', values: [1, null] }])
  })

  it('lay two periods on one axis', () => {
    const columns = fromCompare({
      host: 'h',
      metric_type: 'cpu',
      current: { start_time: '1970-01-02T00:00:00.7Z', end_time: '1970-01-03T00:00:00Z' },
      previous: { start_time: '1970-01-01T00:00:00.3Z', end_time: '1970-01-02T00:00:00Z' },
      step_ms: 1000,
      // Points stand where their buckets start.
      current_first_ms: 86_400_000,
      previous_first_ms: 0,
      offsets_ms: [0, 1000],
      series: [
        { path: 'a', unit: 'percent', current: [1, 2], previous: [3, null], current_average: 1.5 },
      ],
    })
    expect(columns.timestamps).toEqual([86_400_000, 86_401_000])
    expect(columns.previousShiftMs).toBe(-86_400_000)
    expect(columns.series[0]).toMatchObject({
      values: [1, 2],
      previous: [3, null],
      currentAverage: 1.5,
      changePercent: null,
    })
  })

  it('take finer points in place of coarse ones', () => {
    const base: ChartColumns = {
      timestamps: [0, 10, 20, 30],
      gapMs: 15,
      series: [
        { path: 'a', values: [0, 1, 2, 3] },
        { path: 'b', values: [5, 6, 7, 8] },
      ],
    }
    const detail: ChartColumns = {
      timestamps: [10, 12, 14],
      gapMs: 3,
      series: [{ path: 'a', values: [11, null, 13] }],
    }
    expect(withDetail(base, detail, 10, 20)).toEqual({
      timestamps: [0, 10, 12, 14, 30],
      gapMs: 15,
      series: [
        { path: 'a', values: [0, 11, null, 13, 3] },
        { path: 'b', values: [5, null, null, null, 8] },
      ],
    })
  })

  it('average what was measured and is shown', () => {
    expect(averageOf([0, 1, 2, 3], [1, null, 3, 100], 0, 2)).toBe(2)
    expect(averageOf([0], [NaN], 0, 1)).toBeNull()
    expect(lastValue([1, NaN])).toBeNull()
  })

  it('have a figure of the kind that their points are', () => {
    const figure = (kind: Figure, values: (number | null)[], to = 2) =>
      figureOf(kind, { timestamps: [0, 1, 2, 3], gapMs: 1, series: [] }, values, { from: 0, to })
    const values = [3, 9, 6, 100]
    expect((['avg', 'max', 'min', 'last'] as const).map((kind) => figure(kind, values))).toEqual([
      6, 9, 3, 6,
    ])
    expect(figure('last', [1, 2, null, null], 3)).toBe(2)
    // Of what is live, an older sample is not the newest.
    expect(figure('now', [1, 2, 3, null])).toBeNull()
    expect((['avg', 'max', 'min', 'last'] as const).map((kind) => figure(kind, [null]))).toEqual([
      null,
      null,
      null,
      null,
    ])
  })

  it('keep the busiest rows in their order', () => {
    const series = [1, 9, 5, 7].map((value, index) => ({ path: `r${index}`, values: [value] }))
    const { columns, left } = busiest({ timestamps: [0], gapMs: 1, series }, 2)
    expect(columns.series.map(({ path }) => path)).toEqual(['r1', 'r3'])
    expect(left).toBe(2)
  })
})
