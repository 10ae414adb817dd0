/**
 * Builds the chart option: a pure function of catalog, numbers, theme and view, so that what is
 * drawn is tested without a browser. It knows no store and no component.
 */
import type { EChartsCoreOption } from 'echarts/core'
import type { CatalogIndex } from '@/lib/catalogIndex'
import { formatTimeTick, timeTicks } from '@/lib/time'
import { formatTick, isMissing, unitBase } from '@/lib/units'
import type { ChartColumns, ChartSeries } from './columns'
import { axisScale } from './scale'
import { type ChartTheme, seriesColor } from './theme'
import { tooltipHtml, type TooltipPoint } from './tooltip'

export interface TimeSpan {
  from: number
  to: number
}

export interface ChartView {
  range: TimeSpan
  /** The part of the range that is shown. */
  zoom: TimeSpan | null
  zone: string
  stacked: boolean
  atLeast: number
  /** Paths switched off in the legend. */
  hidden: ReadonlySet<string>
  /** The width decides how many time labels fit. */
  width: number
  zoomable: boolean
  /** Written into the picture; on the page the panel has its own heading and legend. */
  title?: string
}

type Point = [number, number | null]

/** Points of a line, with a break where points are farther apart than `gapMs`. */
export function linePoints(
  times: ArrayLike<number>,
  values: ArrayLike<number | null>,
  gapMs: number,
): Point[] {
  const points: Point[] = []
  let before = Infinity
  for (let index = 0; index < times.length; index += 1) {
    const time = times[index]!
    const value = values[index]
    if (time - before > gapMs) points.push([before + 1, null])
    points.push([time, isMissing(value) ? null : value])
    before = time
  }
  return points
}

/** The highest value in view; of a stack, the highest sum. */
export function highestValue(
  columns: ChartColumns,
  shown: readonly ChartSeries[],
  span: TimeSpan,
  stacked: boolean,
): number {
  let highest = 0
  for (let index = 0; index < columns.timestamps.length; index += 1) {
    const time = columns.timestamps[index]!
    if (time < span.from || time > span.to) continue
    let sum = 0
    for (const series of shown) {
      const value = series.values[index]
      if (!isMissing(value)) {
        sum += value
        highest = Math.max(highest, value)
      }
      const previous = series.previous?.[index]
      if (!isMissing(previous)) highest = Math.max(highest, previous)
    }
    if (stacked) highest = Math.max(highest, sum)
  }
  return highest
}

/** A point alone between two gaps would be invisible as a line. */
function isSparse(points: readonly Point[]): boolean {
  const filled = points.filter(([, value]) => value !== null).length
  return filled > 0 && filled <= 2
}

function line(color: string, name: string, id: string, points: Point[], stacked: boolean) {
  return {
    id,
    name,
    type: 'line',
    data: points,
    color,
    showSymbol: isSparse(points),
    symbol: 'circle',
    symbolSize: 4,
    lineStyle: { width: stacked ? 1 : 1.6, color },
    itemStyle: { color },
    emphasis: { disabled: true },
    animation: false,
    ...(stacked ? { stack: 'all', areaStyle: { color, opacity: 0.5 } } : {}),
  }
}

function buildSeries(
  columns: ChartColumns,
  catalog: CatalogIndex,
  theme: ChartTheme,
  view: ChartView,
) {
  const labels = catalog.labels(columns.series.map((series) => series.path))
  return columns.series.flatMap((series, index) => {
    if (view.hidden.has(series.path)) return []
    const color = seriesColor(theme, index)
    const name = labels[index] ?? series.path
    // A comparison is read line against line: stacked areas would hide one behind the other.
    const stacked = view.stacked && series.previous === undefined
    const current = line(
      color,
      name,
      series.path,
      linePoints(columns.timestamps, series.values, columns.gapMs),
      stacked,
    )
    if (!stacked && columns.series.length === 1 && series.previous === undefined) {
      Object.assign(current, { areaStyle: { color, opacity: 0.12 } })
    }
    if (series.previous === undefined) return [current]
    const points = linePoints(columns.timestamps, series.previous, columns.gapMs)
    const previous = line(color, `${name} (previous)`, `${series.path}#previous`, points, false)
    return [current, { ...previous, lineStyle: { width: 1.4, color, type: [4, 4], opacity: 0.75 } }]
  })
}

function xAxis(theme: ChartTheme, view: ChartView, shown: TimeSpan) {
  const count = Math.max(2, Math.floor(view.width / 90))
  const ticks = timeTicks(shown.from, shown.to, view.zone, count)
  const span = shown.to - shown.from
  return {
    type: 'time',
    min: view.range.from,
    max: view.range.to,
    axisLine: { lineStyle: { color: theme.line } },
    axisTick: { show: true, customValues: ticks, lineStyle: { color: theme.line } },
    axisLabel: {
      color: theme.muted,
      fontSize: 11,
      hideOverlap: true,
      customValues: ticks,
      formatter: (time: number) => formatTimeTick(time, view.zone, span),
    },
    splitLine: { show: false },
  }
}

function yAxis(theme: ChartTheme, unit: string, highest: number) {
  const scale = axisScale(highest, unitBase(unit))
  return {
    type: 'value',
    min: 0,
    max: scale.max,
    interval: scale.interval,
    axisLabel: {
      color: theme.muted,
      fontSize: 11,
      formatter: (value: number) => formatTick(value, unit),
    },
    splitLine: { lineStyle: { color: theme.line } },
  }
}

function zoomParts(view: ChartView, shown: TimeSpan) {
  if (!view.zoomable) return {}
  return {
    dataZoom: [
      {
        type: 'inside',
        filterMode: 'none',
        startValue: shown.from,
        endValue: shown.to,
        // A plain wheel scrolls the page, which is made of charts.
        zoomOnMouseWheel: 'ctrl',
        moveOnMouseWheel: 'shift',
        moveOnMouseMove: false,
        throttle: 60,
      },
    ],
    // Its select tool is what makes a drag zoom; the icons themselves are out of sight.
    toolbox: {
      top: -60,
      feature: {
        dataZoom: {
          yAxisIndex: 'none',
          filterMode: 'none',
          brushStyle: { color: brushColor, borderWidth: 0 },
        },
      },
    },
  }
}

const brushColor = 'rgba(20, 148, 136, 0.22)'

export function buildOption(
  catalog: CatalogIndex,
  columns: ChartColumns,
  theme: ChartTheme,
  view: ChartView,
): EChartsCoreOption {
  const visible = columns.series.filter((series) => !view.hidden.has(series.path))
  const shown = view.zoom ?? view.range
  const unit = catalog.unit(columns.series[0]?.path ?? '')
  const reached = Math.max(view.atLeast, highestValue(columns, visible, shown, view.stacked))
  // Shares that are rounded one by one may add up to a little more than the whole.
  const highest = view.stacked && unit === 'percent' ? Math.min(reached, 100) : reached
  const compared = columns.previousShiftMs !== undefined
  return {
    animation: false,
    backgroundColor: view.title === undefined ? 'transparent' : theme.panel,
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    grid: {
      left: 8,
      right: 14,
      top: view.title === undefined ? 10 : 70,
      bottom: 4,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    xAxis: xAxis(theme, view, shown),
    yAxis: yAxis(theme, unit, highest),
    series: buildSeries(columns, catalog, theme, view),
    tooltip: {
      trigger: 'axis',
      confine: true,
      backgroundColor: theme.panel,
      borderColor: theme.line,
      padding: [8, 10],
      textStyle: { color: theme.ink, fontSize: 12 },
      axisPointer: {
        type: 'line',
        lineStyle: { color: theme.muted, type: 'solid', width: 1 },
        animation: false,
      },
      formatter: (points: TooltipPoint[]) =>
        tooltipHtml(points, unit, view.zone, compared ? columns.previousShiftMs! : null),
    },
    ...zoomParts(view, shown),
    ...(view.title === undefined ? {} : pictureParts(view.title, theme)),
  }
}

function pictureParts(title: string, theme: ChartTheme) {
  return {
    title: { text: title, left: 14, top: 10, textStyle: { color: theme.ink, fontSize: 15 } },
    legend: {
      left: 14,
      top: 38,
      type: 'scroll',
      icon: 'roundRect',
      textStyle: { color: theme.muted },
    },
  }
}
