import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it, vi } from 'vitest'
import { api } from '@/api/client'
import type { ForecastAnswer } from '@/api/types'
import { useRetentionStore } from './retention'

beforeEach(() => setActivePinia(createPinia()))

it('keeps the forecast of what was typed last, and none of what is wrong', async () => {
  let finish: (late: ForecastAnswer) => void = () => undefined
  const answer = (bytes: number) => ({ forecast: { bytes } }) as unknown as ForecastAnswer
  const ask = vi
    .spyOn(api, 'forecast')
    .mockReturnValueOnce(new Promise((resolve) => (finish = resolve)))
    .mockResolvedValueOnce(answer(2))
    .mockRejectedValueOnce(new Error('422'))
  const store = useRetentionStore()
  const first = store.foresee({ full_resolution_days: 1 })
  await store.foresee({ full_resolution_days: 12 })
  finish(answer(1))
  await first
  expect(store.forecast).toEqual({ bytes: 2 })
  expect(ask.mock.calls[1]?.[0]).toEqual({ full_resolution_days: 12 })
  await store.foresee({ full_resolution_days: 400 })
  expect(store.forecast).toBeUndefined()
  expect(store.error).toBeNull()
})
