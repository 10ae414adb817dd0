/** The stored numbers that History shows: one range, finer detail where it is zoomed, or two periods. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { api, describeError } from '@/api/client'
import type { CompareQuery } from '@/api/types'
import { type ChartColumns, fromCompare, fromHistory, withDetail } from '@/charts/columns'
import type { TimeSpan } from '@/charts/option'
import { matches } from '@/lib/paths'
import { type Aggregate, type Picture, resolveRange } from '@/lib/picture'
import { pathsOf, sectionOf } from '@/panels'

export interface Loaded {
  /** Null for the daemon's own. */
  host: string | null
  type: string
  /** What each point is of the values that it stands for. */
  aggregate: Aggregate
  range: TimeSpan
  /** The period compared with. */
  previous: TimeSpan | null
  stepMs: number
  tier: string | null
  note: string | null
}

/** More points than pixels of a wide chart help nobody. */
const points = 720
const iso = (time: number): string => new Date(time).toISOString()

export const useHistoryStore = defineStore('history', () => {
  const columns = shallowRef<ChartColumns | null>(null)
  const loaded = shallowRef<Loaded | null>(null)
  const loading = shallowRef(false)
  const error = shallowRef<string | null>(null)
  let base: ChartColumns | null = null
  let running: AbortController | null = null

  async function run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    running?.abort()
    const attempt = new AbortController()
    running = attempt
    loading.value = true
    error.value = null
    try {
      await work(attempt.signal)
    } catch (problem) {
      if (!attempt.signal.aborted) error.value = describeError(problem)
    } finally {
      if (running === attempt) loading.value = false
    }
  }

  function loadRange(picture: Picture, range: TimeSpan, signal: AbortSignal) {
    return api.history(
      {
        metric_type: picture.type,
        start_time: iso(range.from),
        end_time: iso(range.to),
        interval: 'auto',
        limit: points,
        fields: fieldsOf(picture),
        aggregate: [picture.aggregate],
        host: picture.host ?? undefined,
      },
      signal,
    )
  }

  /** Loads what a picture needs; what was there of the same host stays on the page until the new
   * is here. */
  function load(picture: Picture): Promise<void> {
    if (loaded.value !== null && loaded.value.host !== picture.host) clear()
    return run((signal) =>
      picture.compare === null ? loadSingle(picture, signal) : loadCompare(picture, signal),
    )
  }

  function clear(): void {
    base = null
    columns.value = null
    loaded.value = null
  }

  async function loadSingle(picture: Picture, signal: AbortSignal): Promise<void> {
    const range = resolveRange(picture.range, Date.now())
    const answer = await loadRange(picture, range, signal)
    if (signal.aborted) return
    base = fromHistory(answer)
    columns.value = base
    loaded.value = {
      host: picture.host,
      type: picture.type,
      aggregate: picture.aggregate,
      range,
      previous: null,
      stepMs: answer.step_ms,
      tier: answer.tier,
      note: null,
    }
    if (picture.zoom !== null) await detail(picture, picture.zoom, signal)
  }

  async function loadCompare(picture: Picture, signal: AbortSignal): Promise<void> {
    const { compare } = picture
    if (compare === null) return
    const periods =
      'to' in compare
        ? { period: compare.period, compare_to: compare.to }
        : rangesQuery(resolveRange(picture.range, Date.now()), compare.previous)
    const query: CompareQuery = {
      metric_type: picture.type,
      host: picture.host ?? undefined,
      fields: fieldsOf(picture),
      limit: points,
      ...periods,
    }
    const answer = await api.compare(query, signal)
    if (signal.aborted) return
    base = fromCompare(answer)
    columns.value = base
    loaded.value = {
      host: picture.host,
      type: picture.type,
      aggregate: 'avg',
      range: spanOf(answer.current),
      previous: spanOf(answer.previous),
      stepMs: answer.step_ms,
      tier: null,
      note: answer.note ?? null,
    }
  }

  async function detail(picture: Picture, zoom: TimeSpan, signal: AbortSignal): Promise<void> {
    const answer = await loadRange(picture, zoom, signal)
    if (signal.aborted || base === null || loaded.value === null) return
    columns.value = withDetail(base, fromHistory(answer), zoom.from, zoom.to)
    loaded.value = { ...loaded.value, stepMs: answer.step_ms, tier: answer.tier }
  }

  /** A zoom shows at once what is here; finer points follow. */
  async function zoomTo(picture: Picture): Promise<void> {
    const { zoom } = picture
    if (picture.compare !== null || base === null) return
    if (zoom === null) columns.value = base
    else await run((signal) => detail(picture, zoom, signal))
  }

  return { columns, loaded, loading, error, load, zoomTo }
})

/** What its charts draw, and the one series that is asked for by itself. */
function fieldsOf({ type, series }: Picture): string[] {
  const drawn: string[] = pathsOf(sectionOf(type))
  const covered = series === null || drawn.some((pattern) => matches(pattern, series))
  return covered ? drawn : [...drawn, series]
}

function rangesQuery(current: TimeSpan, previous: TimeSpan) {
  return {
    start_time: iso(current.from),
    end_time: iso(current.to),
    compare_start_time: iso(previous.from),
    compare_end_time: iso(previous.to),
  }
}

function spanOf(range: { start_time: string; end_time: string }): TimeSpan {
  return { from: Date.parse(range.start_time), to: Date.parse(range.end_time) }
}
