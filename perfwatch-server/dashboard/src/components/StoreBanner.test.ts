import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api } from '@/api/client'
import type { ConfigAnswer } from '@/api/types'
import { useConfigStore } from '@/stores/config'
import { stubDocument, textOf } from '@/testing/render'
import StoreBanner from './StoreBanner.vue'

beforeEach(() => {
  stubDocument()
  setActivePinia(createPinia())
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

async function text(store: object, writer: object): Promise<string> {
  const answer = { host: {}, store, writer } as unknown as ConfigAnswer
  vi.spyOn(api, 'config').mockResolvedValue(answer)
  await useConfigStore().load()
  return textOf(StoreBanner)
}

const away = {
  kind: 'postgres',
  status: 'degraded',
  since: '2026-11-23T21:03:04Z',
  detail: 'it gave no answer within 8 s',
}

it('is silent while the store is well', async () => {
  expect(await text({ kind: 'postgres', status: 'ok' }, { waiting: 1, dropped: 0 })).toBe('')
})

it('says since when and why no frames are taken, and what becomes of them', async () => {
  const said = await text(away, { waiting: 214, dropped: 0 })
  expect(said).toMatch(/takes no frames since .*:03:04/)
  expect(said).toContain('it gave no answer within 8 s')
  expect(said).toContain('214 frames wait for it, none is lost')
  expect(await text(away, { waiting: 9, dropped: 5 })).toContain('5 were dropped')
})
