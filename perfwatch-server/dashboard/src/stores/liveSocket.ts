/** The WebSocket under the live store: opening, back-off, heartbeat, and what its state is called. */
import { useIntervalFn, useOnline, useWebSocket } from '@vueuse/core'
import { computed, shallowRef, watch } from 'vue'
import { liveUrl } from '@/api/client'
import type { LiveMessage } from '@/api/types'

export type ConnectionState = 'connecting' | 'live' | 'stalled' | 'reconnecting' | 'offline'

const sessionEnded = 4001
const longestDelay = 30_000

/** 1, 2, 4, ... 30 s, spread a little so that many dashboards do not return at once. */
export function backoffDelay(attempt: number, random: number): number {
  const delay = Math.min(longestDelay, 1000 * 2 ** Math.max(0, attempt - 1))
  return Math.round(delay * (0.85 + 0.3 * random))
}

/** How another host is doing, where it is not simply live. */
export interface HostNotice {
  state: string
  detail: string
  lastSeen: string | null
}

interface Handlers {
  token: string
  /** Null for the daemon's own. */
  host: string | null
  frame: (message: LiveMessage) => void
  skipped: (count: number) => void
  told: (notice: HostNotice | null) => void
  ended: () => void
}

export function useLiveSocket(handlers: Handlers) {
  const now = shallowRef(Date.now())
  const nextAttempt = shallowRef<number | null>(null)
  const lastFrame = shallowRef<{ at: number; intervalMs: number } | null>(null)
  const online = useOnline()
  let refused = false

  const socket = useWebSocket<string>(liveUrl(handlers.host), {
    // In a header, not in the URL: an address ends up in logs and histories.
    protocols: ['perfwatch', `bearer.${handlers.token}`],
    heartbeat: {
      message: '{"type":"ping"}',
      responseMessage: '{"type":"pong"}',
      scheduler: (beat) => useIntervalFn(beat, 15_000, { immediate: false }),
      pongTimeout: 10_000,
    },
    autoReconnect: {
      retries: () => !refused,
      delay: (attempt) => {
        const delay = backoffDelay(attempt, Math.random())
        nextAttempt.value = Date.now() + delay
        return delay
      },
    },
    onConnected: () => {
      nextAttempt.value = null
      handlers.told(null)
      lastFrame.value = { at: Date.now(), intervalMs: lastFrame.value?.intervalMs ?? 5000 }
    },
    onDisconnected: (_socket, event) => {
      if (event.code !== sessionEnded) return
      refused = true
      handlers.ended()
    },
    onMessage: (_socket, event) => receive(String(event.data)),
  })

  function receive(text: string): void {
    const message = parse(text)
    if (message?.type === 'metrics') {
      const frame = message as unknown as LiveMessage
      lastFrame.value = { at: Date.now(), intervalMs: frame.interval_ms }
      handlers.frame(frame)
    } else if (message?.type === 'skipped') {
      handlers.skipped(Number(message.count ?? 0))
    } else if (message?.type === 'host') {
      const notice = noticeOf(message)
      handlers.told(notice.state === 'live' ? null : notice)
    }
  }

  const state = computed<ConnectionState>(() => {
    if (!online.value && socket.status.value !== 'OPEN') return 'offline'
    if (socket.status.value === 'OPEN') {
      const last = lastFrame.value
      const patience = Math.max(10_000, 3 * (last?.intervalMs ?? 0))
      return last !== null && now.value - last.at > patience ? 'stalled' : 'live'
    }
    return nextAttempt.value !== null ? 'reconnecting' : 'connecting'
  })

  const retryInSeconds = computed(() =>
    nextAttempt.value === null ? 0 : Math.max(0, Math.ceil((nextAttempt.value - now.value) / 1000)),
  )

  useIntervalFn(() => {
    now.value = Date.now()
  }, 1000)

  watch(online, (isOnline) => {
    if (isOnline && socket.status.value === 'CLOSED') socket.open()
  })

  return { state, retryInSeconds, retry: socket.open, close: socket.close }
}

function noticeOf({ state, detail, last_seen }: Record<string, unknown>): HostNotice {
  const lastSeen = typeof last_seen === 'string' ? last_seen : null
  return { state: String(state), detail: String(detail ?? ''), lastSeen }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return null
  }
}
