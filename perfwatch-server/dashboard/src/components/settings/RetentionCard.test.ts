import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useRetentionStore } from '@/stores/retention'
import { stubDocument, textOf } from '@/testing/render'
import RetentionCard from './RetentionCard.vue'

const nothing = {
  deleted_frames: 0,
  downsampled_frames: 0,
  deleted_downsampled_frames: 0,
  freed_bytes: 0,
  duration_ms: 3,
}

beforeEach(() => {
  stubDocument()
  setActivePinia(createPinia())
})
afterEach(() => vi.unstubAllGlobals())

it('says why a clean-up did less than the policy says', async () => {
  const retention = useRetentionStore()
  retention.report = { ...nothing, note: 'another daemon cleans up' }
  expect(await textOf(RetentionCard)).toMatch(/Took 3\sms another daemon cleans up$/)
  retention.report = { ...nothing, note: null }
  expect(await textOf(RetentionCard)).toMatch(/Took 3\sms$/)
})
