import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api, ApiError } from '@/api/client'
import type { ConfigAnswer } from '@/api/types'
import { useConfigStore } from './config'

const store = { kind: 'postgres', status: 'ok' }

beforeEach(() => setActivePinia(createPinia()))
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

it('gives a reason once, with all that is missing for it', async () => {
  const gap = (what: string, reason: string, cure?: string) => ({ what, reason, cure })
  const collectors = [
    {
      name: 'perf_events',
      status: 'unavailable',
      reason: 'no counter',
      gaps: [
        gap('cache events', 'no counter', 'a PMU'),
        gap('top-down', 'no slots'),
        gap('hardware events', 'no counter', 'a PMU'),
      ],
    },
  ]
  vi.spyOn(api, 'config').mockResolvedValue({ store, collectors } as unknown as ConfigAnswer)
  const config = useConfigStore()
  await config.load()
  expect(config.reasons('perf_events')).toEqual([
    { what: 'cache events; hardware events', reason: 'no counter', cure: 'a PMU' },
    { what: 'top-down', reason: 'no slots', cure: null },
  ])
  expect(config.reasons('of_tomorrow')).toEqual([])
})

it('tells when a store is back that left a question without an answer', async () => {
  const asked = vi.spyOn(api, 'config')
  const says = (status: string) =>
    asked.mockResolvedValue({
      store: { ...store, status },
      collectors: [],
    } as unknown as ConfigAnswer)
  const config = useConfigStore()
  says('ok')
  await config.load()
  expect([config.isStoreAway, config.returns]).toEqual([false, 0])

  vi.stubGlobal('fetch', () => Promise.resolve(new Response('{}', { status: 503 })))
  await expect(api.hosts()).rejects.toBeInstanceOf(ApiError)
  expect([config.isStoreAway, config.returns]).toEqual([true, 0])
  says('degraded')
  await config.load()
  await config.load()
  expect([config.isStoreAway, config.returns]).toEqual([true, 0])
  says('ok')
  await config.load()
  await config.load()
  expect([config.isStoreAway, config.returns]).toEqual([false, 1])
})
