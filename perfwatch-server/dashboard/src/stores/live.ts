/**
 * The live samples. Messages go into typed-array rings outside Vue's reactivity; `frame` counts
 * up when there is something new to draw. Holes, at page load and after a reconnect, are filled
 * from history.
 */
import { defineStore } from 'pinia'
import { computed, effectScope, shallowRef, type EffectScope } from 'vue'
import { api } from '@/api/client'
import type { HistoryQuery, LiveMessage } from '@/api/types'
import { type ChartColumns, gapFactor } from '@/charts/columns'
import { LiveBuffer } from '@/lib/liveBuffer'
import { collect, matches, splitPath } from '@/lib/paths'
import { MINUTE } from '@/lib/time'
import { livePaths, sections } from '@/panels'
import { useSessionStore } from './session'
import { useLiveSocket, type ConnectionState, type HostNotice } from './liveSocket'

export const liveWindow = 15 * MINUTE
/** At 100 ms a quarter of an hour would be 9,000 frames: the rings stay bounded. */
const mostFrames = 1800
const fillAttempts = 3
const redrawMs = 250

const patterns = livePaths.map(splitPath)

export const useLiveStore = defineStore('live', () => {
  const session = useSessionStore()
  const frame = shallowRef(0)
  const latest = shallowRef<LiveMessage | null>(null)
  const filled = shallowRef(false)
  const skipped = shallowRef(0)
  /** Why nothing comes of another host. */
  const notice = shallowRef<HostNotice | null>(null)
  const socket = shallowRef<ReturnType<typeof useLiveSocket> | null>(null)
  let buffer = new LiveBuffer(1)
  let scope: EffectScope | null = null
  let host: string | null = null
  let intervalMs = 5000
  let redraw: ReturnType<typeof setTimeout> | undefined
  let filling: AbortController | null = null
  let attemptsLeft = 0

  const state = computed<ConnectionState>(() => socket.value?.state.value ?? 'connecting')
  const retryInSeconds = computed(() => socket.value?.retryInSeconds.value ?? 0)

  /** Begins with a host; null is the daemon's own. */
  function start(token: string, of: string | null = null): void {
    if (of === host) stop()
    else clear()
    host = of
    scope = effectScope(true)
    scope.run(() => {
      socket.value = useLiveSocket({
        token,
        host,
        frame: receive,
        told: (told) => {
          notice.value = told
        },
        skipped: (count) => {
          skipped.value += count
        },
        ended: () => session.refused(token),
      })
    })
  }

  function stop(): void {
    filling?.abort()
    filling = null
    scope?.stop()
    scope = null
    socket.value = null
  }

  /** Forgets the samples: the next user may not see them. */
  function clear(): void {
    stop()
    buffer = new LiveBuffer(1)
    latest.value = null
    filled.value = false
    notice.value = null
    skipped.value = 0
    frame.value += 1
  }

  function receive(message: LiveMessage): void {
    if (buffer.capacity === 1 || message.interval_ms !== intervalMs) resize(message.interval_ms)
    const before = buffer.newest
    const values = new Map<string, number>()
    for (const pattern of patterns) {
      collect(message.data, pattern, (path, value) => values.set(path, value))
    }
    buffer.append(message.timestamp_ms, values)
    latest.value = message
    const hole = before === null || message.timestamp_ms - before > intervalMs * gapFactor
    if (hole) {
      attemptsLeft = fillAttempts
      if (filling === null) void fill()
    }
    redraw ??= setTimeout(announce, before === null ? 0 : Math.min(redrawMs, intervalMs / 2))
  }

  function announce(): void {
    redraw = undefined
    frame.value += 1
  }

  function resize(interval: number): void {
    intervalMs = interval
    const next = new LiveBuffer(Math.min(mostFrames, Math.ceil(liveWindow / interval) + 2))
    next.merge(
      buffer.timestamps(),
      buffer.paths().map((path) => ({ path, values: buffer.values(path) })),
    )
    buffer = next
  }

  /** Asks history for what is missing; again a little later, because the newest frames may still
   * be on their way to the store. A hole that stays is a time when nothing was collected. */
  async function fill(): Promise<void> {
    const attempt = new AbortController()
    filling = attempt
    for (let wait = 0; attemptsLeft > 0; wait += intervalMs) {
      attemptsLeft -= 1
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      if (attempt.signal.aborted) return
      const newest = buffer.newest ?? Date.now()
      const from = buffer.firstGap(
        newest - Math.min(liveWindow, buffer.capacity * intervalMs),
        intervalMs * gapFactor,
      )
      if (from === null) break
      await Promise.all(
        sections.map((section) => fillType(section.type, from, newest, attempt.signal)),
      )
      if (attempt.signal.aborted) return
      filled.value = true
      frame.value += 1
    }
    attemptsLeft = 0
    filled.value = true
    filling = null
  }

  async function fillType(
    type: string,
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<void> {
    const query: HistoryQuery = {
      metric_type: type,
      start_time: new Date(from).toISOString(),
      end_time: new Date(to).toISOString(),
      interval: 'raw',
      limit: mostFrames,
      fields: livePaths.filter((path) => path.startsWith(`${type}.`)),
      host: host ?? undefined,
    }
    const target = buffer
    const answer = await api.history(query, signal).catch(() => null)
    if (answer !== null && target === buffer) buffer.merge(answer.timestamps_ms, answer.series)
  }

  /** The columns of a panel, rows resolved to those that are there. */
  function columns(paths: readonly string[]): ChartColumns {
    const known = buffer.paths()
    const concrete = paths.flatMap((path) =>
      path.includes('*') ? known.filter((one) => matches(path, one)).sort() : [path],
    )
    return {
      timestamps: buffer.timestamps(),
      gapMs: intervalMs * gapFactor,
      series: concrete.map((path) => ({ path, values: buffer.values(path) })),
    }
  }

  function newest(): number | null {
    return buffer.newest
  }

  function frames(): number {
    return buffer.length
  }

  const retry = (): void => socket.value?.retry()

  return {
    frame,
    latest,
    filled,
    skipped,
    notice,
    state,
    retryInSeconds,
    start,
    stop,
    clear,
    retry,
    columns,
    newest,
    frames,
  }
})
