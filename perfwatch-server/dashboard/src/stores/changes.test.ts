import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it, vi } from 'vitest'
import { api } from '@/api/client'
import type { ChangesAnswer } from '@/api/types'
import { useChangesStore } from './changes'

const answer = { changes: [], changed: 0 } as unknown as ChangesAnswer
const periods = { host: null, before: { from: 0, to: 1000 }, after: { from: 5000, to: 6000 } }

beforeEach(() => {
  vi.restoreAllMocks()
  setActivePinia(createPinia())
})

it('asks for the two periods, the older one before', async () => {
  const ask = vi.spyOn(api, 'changes').mockResolvedValue(answer)
  const store = useChangesStore()
  await store.load(periods)
  expect(ask.mock.calls[0]?.[0]).toMatchObject({
    before_start: '1970-01-01T00:00:00.000Z',
    after_start: '1970-01-01T00:00:05.000Z',
    after_end: '1970-01-01T00:00:06.000Z',
  })
  expect(store.answer).toBe(answer)
  expect(store.loading).toBe(false)
})

it('asks once for the same periods, and again after an error', async () => {
  const ask = vi.spyOn(api, 'changes').mockRejectedValueOnce(new Error('away'))
  ask.mockResolvedValue(answer)
  const store = useChangesStore()
  await store.load(periods)
  expect([store.error, store.answer]).toEqual(['away', null])
  await store.load(periods)
  await store.load({ ...periods })
  expect(ask).toHaveBeenCalledTimes(2)
  expect(store.error).toBeNull()
})

it('drops an answer that came too late', async () => {
  let finish: (late: ChangesAnswer) => void = () => undefined
  vi.spyOn(api, 'changes')
    .mockReturnValueOnce(new Promise((resolve) => (finish = resolve)))
    .mockResolvedValueOnce(answer)
  const store = useChangesStore()
  const first = store.load(periods)
  await store.load({ ...periods, host: 'db-01' })
  finish({ changes: [], changed: 9 } as unknown as ChangesAnswer)
  await first
  expect(store.answer).toBe(answer)
  store.clear()
  expect(store.answer).toBeNull()
})
