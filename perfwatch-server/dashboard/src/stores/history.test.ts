import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api, ApiError } from '@/api/client'
import type { HistoryQuery } from '@/api/types'
import { defaultPicture } from '@/lib/picture'
import { useHistoryStore } from './history'

const web1 = { ...defaultPicture, host: 'web1' }
const web2 = { ...defaultPicture, host: 'web2' }

function answerTo({ host, metric_type }: HistoryQuery) {
  return {
    host: host ?? 'here',
    metric_type,
    start_time: '',
    end_time: '',
    interval: 'auto',
    step_ms: 1000,
    resolution_ms: 1000,
    tier: 'raw',
    aggregates: ['avg'],
    damaged: 0,
    timestamps_ms: [1000],
    series: [{ path: 'cpu.usage_percent', aggregate: 'avg', unit: 'percent', values: [1] }],
  }
}

beforeEach(() => setActivePinia(createPinia()))
afterEach(() => vi.restoreAllMocks())

it('shows nothing of one host under the name of another', async () => {
  const asked = vi.spyOn(api, 'history').mockImplementation(async (query) => answerTo(query))
  const history = useHistoryStore()
  await history.load(web1)
  expect(history.loaded?.host).toBe('web1')
  asked.mockRejectedValue(new ApiError(503, 'the store does not answer'))
  const failing = history.load(web2)
  expect([history.columns, history.loaded]).toEqual([null, null])
  await failing
  expect([history.columns, history.loaded]).toEqual([null, null])
  // Nor is there anything left to zoom into.
  await history.zoomTo({ ...web2, zoom: null })
  expect(history.columns).toBeNull()
  expect(history.error).toBe('the store does not answer')
})

it('keeps what is on the page while more of the same host is on its way', async () => {
  const asked = vi.spyOn(api, 'history').mockImplementation(async (query) => answerTo(query))
  const history = useHistoryStore()
  await history.load(web1)
  asked.mockRejectedValue(new ApiError(503, 'the store does not answer'))
  await history.load({ ...web1, type: 'memory' })
  expect(history.loaded).toMatchObject({ host: 'web1', type: 'cpu' })
  expect(history.columns?.series).toHaveLength(1)
})
