import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api } from '@/api/client'
import type { HistoryQuery, LiveMessage } from '@/api/types'
import { sections } from '@/panels'
import { useLiveStore } from './live'
import { backoffDelay, type useLiveSocket } from './liveSocket'

type Handlers = Parameters<typeof useLiveSocket>[0]
let handlers: Handlers

vi.mock('./liveSocket', async (original) => ({
  ...(await original<typeof import('./liveSocket')>()),
  useLiveSocket: (given: Handlers) => {
    handlers = given
    return {
      state: { value: 'live' },
      retryInSeconds: { value: 0 },
      retry: vi.fn(),
      close: vi.fn(),
    }
  },
}))

const start = Date.parse('2026-11-23T05:00:00Z')
const interval = 5000

function message(tick: number): LiveMessage {
  const time = start + tick * interval
  return {
    type: 'metrics',
    timestamp: new Date(time).toISOString(),
    timestamp_ms: time,
    host: 'h',
    interval_ms: interval,
    data: { cpu: { usage_percent: tick }, pressure: { io: { some_percent: tick / 10 } } },
  }
}

/** A store that has every tick from the first to the last one given. */
function historyOf(first: number, last: () => number) {
  return vi.spyOn(api, 'history').mockImplementation((query: HistoryQuery) => {
    const from = Date.parse(query.start_time ?? '')
    const to = Date.parse(query.end_time ?? '')
    const ticks = Array.from({ length: last() - first + 1 }, (_, index) => first + index)
    const inside = ticks.filter(
      (tick) => start + tick * interval >= from && start + tick * interval <= to,
    )
    const series = [
      { path: 'cpu.usage_percent', aggregate: 'avg', unit: 'percent', values: inside },
    ]
    return Promise.resolve({
      host: 'h',
      metric_type: query.metric_type,
      start_time: '',
      end_time: '',
      interval: 'raw',
      step_ms: 0,
      resolution_ms: interval,
      tier: 'raw',
      aggregates: ['avg'],
      damaged: 0,
      timestamps_ms: inside.map((tick) => start + tick * interval),
      series: query.metric_type === 'cpu' ? series : [],
    })
  })
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('localStorage', undefined)
  setActivePinia(createPinia())
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const shown = (store: ReturnType<typeof useLiveStore>): number[] =>
  Array.from(store.columns(['cpu.usage_percent']).series[0]!.values as Float64Array)

it('fills the minutes before the page was opened', async () => {
  historyOf(-170, () => -1)
  const live = useLiveStore()
  live.start('T')
  handlers.frame(message(0))
  await vi.runAllTimersAsync()
  expect(shown(live)).toEqual(Array.from({ length: 171 }, (_, index) => index - 170))
  expect(live.filled).toBe(true)
})

it('fills the hole of a lost connection, also when the store lags behind', async () => {
  let stored = 1
  historyOf(-200, () => stored)
  const live = useLiveStore()
  live.start('T')
  handlers.frame(message(0))
  handlers.frame(message(1))
  await vi.runAllTimersAsync()

  handlers.frame(message(6))
  stored = 4
  await vi.advanceTimersByTimeAsync(0)
  stored = 6
  await vi.runAllTimersAsync()
  expect(shown(live).slice(-7)).toEqual([0, 1, 2, 3, 4, 5, 6])
})

it('leaves a hole where nothing was ever stored, and stops asking', async () => {
  const asked = historyOf(0, () => 1)
  const live = useLiveStore()
  live.start('T')
  handlers.frame(message(0))
  await vi.runAllTimersAsync()
  expect(shown(live)).toEqual([0])
  // Three rounds of all metric types.
  expect(asked).toHaveBeenCalledTimes(3 * sections.length)
})

it('resolves rows to those that were seen', async () => {
  historyOf(0, () => 0)
  const live = useLiveStore()
  live.start('T')
  handlers.frame(message(0))
  await vi.runAllTimersAsync()
  expect(live.columns(['pressure.*.some_percent']).series.map(({ path }) => path)).toEqual([
    'pressure.io.some_percent',
  ])
})

it('forgets everything when the session ends', async () => {
  historyOf(0, () => 0)
  const live = useLiveStore()
  live.start('T')
  handlers.frame(message(0))
  live.clear()
  await vi.runAllTimersAsync()
  expect(live.latest).toBeNull()
  expect(live.frames()).toBe(0)
})

it('forgets one host for another, and fills from the history of that one', async () => {
  const asked = historyOf(0, () => 0)
  const live = useLiveStore()
  live.start('T')
  handlers.frame(message(0))
  await vi.runAllTimersAsync()
  expect(asked.mock.calls.every(([query]) => query.host === undefined)).toBe(true)
  live.start('T', 'db1')
  expect([handlers.host, live.latest, live.frames()]).toEqual(['db1', null, 0])
  asked.mockClear()
  handlers.frame(message(7))
  await vi.runAllTimersAsync()
  expect(asked.mock.calls.every(([query]) => query.host === 'db1')).toBe(true)
  expect(asked).toHaveBeenCalled()
})

it('says why nothing comes of another host, until something does', () => {
  const live = useLiveStore()
  live.start('T', 'db1')
  const gone = { state: 'gone', detail: 'it has sent nothing', lastSeen: null }
  handlers.told(gone)
  expect(live.notice).toEqual(gone)
  live.start('T')
  expect(live.notice).toBeNull()
})

it('keeps the samples of a host over a new token', async () => {
  historyOf(0, () => 0)
  const live = useLiveStore()
  live.start('T', 'db1')
  handlers.frame(message(0))
  await vi.runAllTimersAsync()
  live.start('U', 'db1')
  expect([handlers.token, live.frames()]).toEqual(['U', 1])
})

it('backs off up to half a minute', () => {
  expect([1, 2, 3, 5, 6, 50].map((attempt) => backoffDelay(attempt, 0.5))).toEqual([
    1000, 2000, 4000, 16_000, 30_000, 30_000,
  ])
})
