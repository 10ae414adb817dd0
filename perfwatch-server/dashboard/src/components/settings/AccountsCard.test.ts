import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api } from '@/api/client'
import type { CatalogAnswer, HostEntry, LiveMessage } from '@/api/types'
import { CatalogIndex } from '@/lib/catalogIndex'
import { useCatalogStore } from '@/stores/catalog'
import { useHostsStore } from '@/stores/hosts'
import { useLiveStore } from '@/stores/live'
import { stubDocument, textOf } from '@/testing/render'
import generated from '../../../generated/catalog.json'
import AccountsCard from './AccountsCard.vue'

beforeEach(() => {
  stubDocument()
  setActivePinia(createPinia())
  useCatalogStore().index = new CatalogIndex(generated as CatalogAnswer)
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

it('shows what the daemon itself uses, and of no other host', async () => {
  const here: HostEntry = { name: 'here', current: true, state: 'live', trouble: 0, vitals: [] }
  const db1: HostEntry = { ...here, name: 'db1', current: false }
  vi.spyOn(api, 'hosts').mockResolvedValue({ vitals: [], hosts: [here, db1] })
  const hosts = useHostsStore()
  await hosts.load()
  const sample = { monitor: { cpu_percent: 12.5, resident_bytes: 1024, open_files: 7 } }
  useLiveStore().latest = { data: sample } as unknown as LiveMessage
  expect(await textOf(AccountsCard)).toMatch(/What PerfWatch itself uses .*12\.5\s%/)
  hosts.choose('db1')
  const text = await textOf(AccountsCard)
  expect(text).not.toMatch(/12\.5/)
  expect(text).toContain('Shown while here is the chosen host')
})
