/** The one shape that charts draw, whether the numbers are live, stored or compared. */
import type { CompareAnswer, HistoryColumns } from '@/api/types'
import type { Aggregate } from '@/lib/picture'
import type { TimeSpan } from './option'

export interface ChartSeries {
  path: string
  /** NaN or null: not measured. */
  values: ArrayLike<number | null>
  /** The period compared with, on the same positions. */
  previous?: ArrayLike<number | null>
  currentAverage?: number | null
  previousAverage?: number | null
  /** Of the points, not of every stored value. */
  currentP95?: number | null
  previousP95?: number | null
  changePercent?: number | null
}

export interface ChartColumns {
  timestamps: ArrayLike<number>
  series: ChartSeries[]
  /** Two points farther apart than this are not joined by a line. */
  gapMs: number
  /** Add it to a timestamp to get the moment of `previous`. */
  previousShiftMs?: number
}

/** One and a half steps: a late tick is no gap, a missed one is. */
export const gapFactor = 1.5

export function fromHistory(answer: HistoryColumns): ChartColumns {
  // Neither the step nor what is stored gives points closer than this.
  const spacing = Math.max(answer.step_ms, answer.resolution_ms, 1)
  return {
    timestamps: answer.timestamps_ms,
    series: answer.series.map(({ path, values }) => ({ path, values })),
    gapMs: spacing * gapFactor,
  }
}

export function fromCompare(answer: CompareAnswer): ChartColumns {
  const first = answer.current_first_ms
  return {
    timestamps: answer.offsets_ms.map((offset) => first + offset),
    gapMs: Math.max(answer.step_ms, 1) * gapFactor,
    previousShiftMs: answer.previous_first_ms - first,
    series: answer.series.map((series) => ({
      path: series.path,
      values: series.current,
      previous: series.previous,
      currentAverage: series.current_average ?? null,
      previousAverage: series.previous_average ?? null,
      currentP95: series.current_p95 ?? null,
      previousP95: series.previous_p95 ?? null,
      changePercent: series.change_percent ?? null,
    })),
  }
}

export function hasValues(series: ChartSeries): boolean {
  return some(series.values) || (series.previous !== undefined && some(series.previous))
}

/** Whether it is ever anything but zero. */
export function hasMore(series: ChartSeries): boolean {
  return some(series.values, 0) || (series.previous !== undefined && some(series.previous, 0))
}

function some(values: ArrayLike<number | null>, but?: number): boolean {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]
    if (value !== null && value !== undefined && !Number.isNaN(value) && value !== but) return true
  }
  return false
}

/** What was measured between two moments. */
function measured(
  times: ArrayLike<number>,
  values: ArrayLike<number | null>,
  from: number,
  to: number,
): number[] {
  const found: number[] = []
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]
    const time = times[index] ?? NaN
    if (
      value === null ||
      value === undefined ||
      Number.isNaN(value) ||
      !(time >= from && time <= to)
    )
      continue
    found.push(value)
  }
  return found
}

/** The mean of what was measured between two moments. */
export function averageOf(
  times: ArrayLike<number>,
  values: ArrayLike<number | null>,
  from: number,
  to: number,
): number | null {
  const found = measured(times, values, from, to)
  return found.length === 0 ? null : found.reduce((sum, value) => sum + value, 0) / found.length
}

/** The one number beside a line: what is true at this moment, or of all points of that kind. */
export type Figure = 'now' | Aggregate

/** Averages have an average, highest values a highest one: anything else would be neither. */
export function figureOf(
  figure: Figure,
  { timestamps }: ChartColumns,
  values: ArrayLike<number | null>,
  { from, to }: TimeSpan,
): number | null {
  if (figure === 'now') return lastValue(values)
  if (figure === 'avg') return averageOf(timestamps, values, from, to)
  const found = measured(timestamps, values, from, to)
  if (found.length === 0) return null
  if (figure === 'last') return found.at(-1) ?? null
  const better = figure === 'max' ? Math.max : Math.min
  return found.reduce((best, value) => better(best, value))
}

export function lastValue(values: ArrayLike<number | null>): number | null {
  const value = values[values.length - 1]
  return value === undefined || value === null || Number.isNaN(value) ? null : value
}

/** The finer `detail` in place of what `base` holds between two moments. */
export function withDetail(
  base: ChartColumns,
  detail: ChartColumns,
  from: number,
  to: number,
): ChartColumns {
  const baseTimes = Array.from(base.timestamps)
  const before = baseTimes.filter((time) => time < from).length
  const after = baseTimes.findIndex((time) => time > to)
  const tail = after === -1 ? baseTimes.length : after
  const splice = <T>(outer: ArrayLike<T>, inner: ArrayLike<T>): T[] => {
    const list = Array.from(outer)
    return [...list.slice(0, before), ...Array.from(inner), ...list.slice(tail)]
  }
  const inner = new Map(detail.series.map((series) => [series.path, series.values]))
  const absent = new Array<null>(detail.timestamps.length).fill(null)
  return {
    // The wider spacing: the outer points are no gaps.
    gapMs: Math.max(base.gapMs, detail.gapMs),
    timestamps: splice(base.timestamps, detail.timestamps),
    series: base.series.map((series) => ({
      path: series.path,
      values: splice(series.values, inner.get(series.path) ?? absent),
    })),
  }
}

/** Rows can be hundreds: the busiest are drawn, and the number left out is said. */
export function busiest(
  columns: ChartColumns,
  count: number,
): { columns: ChartColumns; left: number } {
  if (columns.series.length <= count) return { columns, left: 0 }
  const ranked = columns.series
    .map((series, index) => ({
      index,
      weight: averageOf(columns.timestamps, series.values, -Infinity, Infinity) ?? -Infinity,
    }))
    .sort((a, b) => b.weight - a.weight || a.index - b.index)
    .slice(0, count)
    .sort((a, b) => a.index - b.index)
  return {
    columns: { ...columns, series: ranked.map(({ index }) => columns.series[index]!) },
    left: columns.series.length - count,
  }
}
