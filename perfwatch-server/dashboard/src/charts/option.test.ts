import { describe, expect, it } from 'vitest'
import type { CatalogAnswer } from '@/api/types'
import { CatalogIndex } from '@/lib/catalogIndex'
import generated from '../../generated/catalog.json'
import type { ChartColumns } from './columns'
import { buildOption, type ChartView, highestValue, linePoints } from './option'
import { axisScale } from './scale'
import { chartTheme } from './theme'
import { escapeHtml, tooltipHtml } from './tooltip'

const catalog = new CatalogIndex(generated as CatalogAnswer)
const theme = chartTheme(false)
const view: ChartView = {
  range: { from: 0, to: 600_000 },
  zoom: null,
  zone: 'UTC',
  stacked: false,
  atLeast: 0,
  hidden: new Set(),
  width: 600,
  zoomable: false,
}
const columns: ChartColumns = {
  timestamps: Float64Array.of(0, 5000, 20_000),
  gapMs: 7500,
  series: [
    { path: 'cpu.user_percent', values: Float64Array.of(10, 20, NaN) },
    { path: 'cpu.system_percent', values: Float64Array.of(1, 2, 3) },
  ],
}

interface Built {
  series: {
    id: string
    name: string
    data: [number, number | null][]
    stack?: string
    color: string
    areaStyle?: object
  }[]
  yAxis: { max: number; interval: number; axisLabel: { formatter: (value: number) => string } }
  xAxis: { min: number; max: number; axisLabel: { customValues: number[] } }
  dataZoom?: { startValue: number; endValue: number }[]
  title?: { text: string }
}
const build = (change: Partial<ChartView> = {}, given = columns): Built =>
  buildOption(catalog, given, theme, { ...view, ...change }) as unknown as Built

describe('buildOption', () => {
  it('draws a line per series with the name of the catalog, broken at gaps', () => {
    const { series } = build()
    expect(series.map(({ name }) => name)).toEqual(['User', 'System'])
    expect(series[0]?.data).toEqual([
      [0, 10],
      [5000, 20],
      [5001, null],
      [20_000, null],
    ])
    expect(series[0]?.stack).toBeUndefined()
  })

  it('never draws a missing value as zero', () => {
    const drawn = build().series.flatMap(({ data }) => data.map(([, value]) => value))
    expect(drawn).not.toContain(0)
  })

  it('stacks, and its axis reaches the sum', () => {
    const { series, yAxis } = build({ stacked: true, atLeast: 100 })
    expect(series.every(({ stack }) => stack === 'all')).toBe(true)
    expect(yAxis).toMatchObject({ max: 100, interval: 25 })
    expect(highestValue(columns, columns.series, view.range, true)).toBe(22)
  })

  it('leaves out hidden lines, and the others keep their colours', () => {
    const { series, yAxis } = build({ hidden: new Set(['cpu.user_percent']) })
    expect(series).toHaveLength(1)
    expect(series[0]?.color).toBe(theme.series[1])
    expect(yAxis.max).toBe(3)
  })

  it('shows a zoom: its part, its ticks, its heights', () => {
    const { dataZoom, xAxis, yAxis } = build({ zoomable: true, zoom: { from: 15_000, to: 25_000 } })
    expect(dataZoom?.[0]).toMatchObject({ startValue: 15_000, endValue: 25_000 })
    expect(xAxis).toMatchObject({ min: 0, max: 600_000 })
    expect(Math.min(...xAxis.axisLabel.customValues)).toBeGreaterThanOrEqual(15_000)
    expect(yAxis.max).toBe(3)
    expect(build().dataZoom).toBeUndefined()
  })

  it('keeps the axis of stacked shares at the whole, whatever rounding adds', () => {
    const series = [
      { path: 'cpu.user_percent', values: Float64Array.of(66.67, 0, 0) },
      { path: 'cpu.system_percent', values: Float64Array.of(33.34, 0, 0) },
    ]
    expect(build({ stacked: true, atLeast: 100 }, { ...columns, series }).yAxis.max).toBe(100)
  })

  it('overlays a comparison without stacking it', () => {
    const series = [{ path: 'cpu.user_percent', values: [1, 2, 3], previous: [4, null, 6] }]
    const built = build({ stacked: true }, { ...columns, series, previousShiftMs: -1000 })
    expect(built.series.map(({ id }) => id)).toEqual([
      'cpu.user_percent',
      'cpu.user_percent#previous',
    ])
    expect(built.series.every(({ stack }) => stack === undefined)).toBe(true)
    expect(new Set(built.series.map(({ color }) => color)).size).toBe(1)
  })

  it('writes the title into a picture only', () => {
    expect(build({ title: 'host · Usage' }).title?.text).toBe('host · Usage')
    expect(build().title).toBeUndefined()
  })

  it('survives columns without a series', () => {
    expect(build({}, { timestamps: [], series: [], gapMs: 1 }).series).toEqual([])
  })

  it('formats the axis by the unit of the catalog', () => {
    const series = [{ path: 'memory.used_bytes', values: [3 * 1024 ** 3, 0, 0] }]
    const { yAxis } = build({}, { ...columns, series })
    expect(yAxis.max).toBe(3 * 1024 ** 3)
    expect(yAxis.axisLabel.formatter(yAxis.interval)).toBe('1\u00a0GiB')
  })
})

it('linePoints joins what is one step apart', () => {
  expect(linePoints([0, 5, 10], [1, null, 3], 7)).toEqual([
    [0, 1],
    [5, null],
    [10, 3],
  ])
})

describe('axisScale', () => {
  it.each([
    [0, 1000, 1],
    [97, 1000, 100],
    [100, 1000, 100],
    [0.31, 1000, 0.4],
    [12_500, 1000, 15_000],
    [16 * 1024 ** 3, 1024, 16 * 1024 ** 3],
    [900 * 1024, 1024, 1024 ** 2],
    [0, 1024, 1],
  ] as const)('covers %s on base %s up to %s', (highest, base, max) => {
    const scale = axisScale(highest, base)
    expect(scale.max).toBeCloseTo(max, 9)
    expect(Math.round(scale.max / scale.interval)).toBeLessThanOrEqual(5)
  })
})

describe('the tooltip', () => {
  const hostile = '<img src=x onerror=alert(1)>'

  it('escapes names that come from the host', () => {
    const point = { seriesName: hostile, value: [0, 5], color: '"><script>', axisValue: 0 }
    const html = tooltipHtml([point], 'percent', 'UTC', null)
    expect(html).not.toContain('<img')
    expect(html).not.toContain('<script')
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;')
    expect(html).toContain('5.0\u00a0%')
    expect(escapeHtml(`&'"`)).toBe('&amp;&#39;&quot;')
  })

  it('writes a dash for what is missing, and both times of a comparison', () => {
    const html = tooltipHtml(
      [{ seriesName: 'a', value: [0, null], axisValue: 86_400_000 }],
      'percent',
      'UTC',
      -86_400_000,
    )
    expect(html).toContain('—')
    expect(html).toContain('1970-01-02 00:00:00')
    expect(html).toContain('previous: 1970-01-01 00:00:00')
  })
})
