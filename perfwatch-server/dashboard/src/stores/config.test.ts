import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it, vi } from 'vitest'
import { api } from '@/api/client'
import type { ConfigAnswer } from '@/api/types'
import { useConfigStore } from './config'

beforeEach(() => setActivePinia(createPinia()))

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
  vi.spyOn(api, 'config').mockResolvedValue({ collectors } as unknown as ConfigAnswer)
  const config = useConfigStore()
  await config.load()
  expect(config.reasons('perf_events')).toEqual([
    { what: 'cache events; hardware events', reason: 'no counter', cure: 'a PMU' },
    { what: 'top-down', reason: 'no slots', cure: null },
  ])
  expect(config.reasons('of_tomorrow')).toEqual([])
})
