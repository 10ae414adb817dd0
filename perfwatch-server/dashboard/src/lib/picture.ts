/** What History shows, and its form in the URL: a link is the whole picture. */
import type { TimeSpan } from '@/charts/option'
import { sections } from '@/panels'
import { splitPath } from './paths'
import { DAY, HOUR, MINUTE } from './time'

export type Aggregate = 'avg' | 'min' | 'max' | 'last'
export type Period = 'hour' | 'day' | 'week'
export type CompareTo = 'yesterday' | 'last_week'

export type Range = { preset: string } | TimeSpan
export type Comparison = { period: Period; to: CompareTo } | { previous: TimeSpan }

export interface Picture {
  type: string
  host: string | null
  aggregate: Aggregate
  range: Range
  zoom: TimeSpan | null
  compare: Comparison | null
  /** A path that is drawn above the charts of its type. */
  series: string | null
}

export const presets: Readonly<Record<string, number>> = {
  '15m': 15 * MINUTE,
  '1h': HOUR,
  '6h': 6 * HOUR,
  '24h': DAY,
  '7d': 7 * DAY,
  '30d': 30 * DAY,
  '1y': 365 * DAY,
}
export const aggregates: readonly Aggregate[] = ['avg', 'min', 'max', 'last']
export const periods: readonly Period[] = ['hour', 'day', 'week']
export const compareTargets: readonly CompareTo[] = ['yesterday', 'last_week']

export const defaultPicture: Picture = {
  type: 'cpu',
  host: null,
  aggregate: 'avg',
  range: { preset: '1h' },
  zoom: null,
  compare: null,
  series: null,
}

type RawQuery = Record<string, unknown>

function text(query: RawQuery, name: string): string | null {
  const value = query[name]
  return typeof value === 'string' && value !== '' ? value : null
}

function choice<T extends string>(query: RawQuery, name: string, choices: readonly T[]): T | null {
  const value = text(query, name)
  return choices.find((one) => one === value) ?? null
}

function span(query: RawQuery, from: string, to: string): TimeSpan | null {
  const parsed = {
    from: Date.parse(text(query, from) ?? ''),
    to: Date.parse(text(query, to) ?? ''),
  }
  return parsed.from < parsed.to ? parsed : null
}

/** Anything a person may have typed into the address gives some valid picture. */
export function fromQuery(query: RawQuery): Picture {
  const explicit = span(query, 'from', 'to')
  const preset = choice(query, 'range', Object.keys(presets))
  const range = explicit ?? { preset: preset ?? '1h' }
  const period = choice(query, 'period', periods)
  const target = choice(query, 'compare_to', compareTargets)
  const previous = span(query, 'compare_from', 'compare_until')
  let compare: Comparison | null = null
  if (previous !== null && explicit !== null) compare = { previous }
  else if (target !== null) compare = { period: period ?? 'day', to: target }
  const types = sections.map((section) => section.type)
  const type = choice(query, 'type', types) ?? 'cpu'
  const series = text(query, 'series')
  return {
    type,
    host: text(query, 'host'),
    aggregate: choice(query, 'aggregate', aggregates) ?? 'avg',
    range,
    zoom: span(query, 'zoom_from', 'zoom_to'),
    compare,
    // Of another type it would be asked for where nobody knows it.
    series: series !== null && splitPath(series)[0] === type ? series : null,
  }
}

const iso = (time: number): string => new Date(time).toISOString()

export function toQuery(picture: Picture): Record<string, string> {
  const query: Record<string, string> = { type: picture.type }
  if (picture.host !== null) query.host = picture.host
  if (picture.series !== null) query.series = picture.series
  const { compare, range, zoom } = picture
  if (picture.aggregate !== 'avg' && compare === null) query.aggregate = picture.aggregate
  if (compare !== null && 'to' in compare) {
    query.period = compare.period
    query.compare_to = compare.to
  } else if ('preset' in range) {
    query.range = range.preset
  } else {
    query.from = iso(range.from)
    query.to = iso(range.to)
  }
  if (compare !== null && 'previous' in compare) {
    query.compare_from = iso(compare.previous.from)
    query.compare_until = iso(compare.previous.to)
  }
  if (zoom !== null) {
    query.zoom_from = iso(zoom.from)
    query.zoom_to = iso(zoom.to)
  }
  return query
}

export function resolveRange(range: Range, now: number): TimeSpan {
  if (!('preset' in range)) return range
  return { from: now - (presets[range.preset] ?? HOUR), to: now }
}

/** The same picture apart from the zoom: nothing has to be loaded anew. */
export function sameData(a: Picture, b: Picture): boolean {
  return JSON.stringify({ ...a, zoom: null }) === JSON.stringify({ ...b, zoom: null })
}

/** A zoom inside a range, at least one second wide; null when it is the whole range. */
export function clampZoom(zoom: TimeSpan, range: TimeSpan): TimeSpan | null {
  const width = Math.max(1000, Math.min(zoom.to - zoom.from, range.to - range.from))
  const from = Math.round(Math.min(Math.max(zoom.from, range.from), range.to - width))
  const to = Math.round(Math.min(from + width, range.to))
  const slack = (range.to - range.from) * 0.002
  return from - range.from <= slack && range.to - to <= slack ? null : { from, to }
}

/** The zoom that a button asks for: `factor` of the width, moved by `shift` widths. */
export function stepZoom(
  shown: TimeSpan,
  range: TimeSpan,
  factor: number,
  shift: number,
): TimeSpan | null {
  const width = shown.to - shown.from
  const center = (shown.from + shown.to) / 2 + width * shift
  return clampZoom(
    { from: center - (width * factor) / 2, to: center + (width * factor) / 2 },
    range,
  )
}
