import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api, ApiError } from '@/api/client'
import type { HostEntry, HostsAnswer } from '@/api/types'
import { useHostsStore } from './hosts'

function host(name: string, current = false): HostEntry {
  return { name, current, state: 'live', trouble: 0, vitals: [] }
}

const answer = (...hosts: HostEntry[]): HostsAnswer => ({ vitals: ['cpu.usage_percent'], hosts })

beforeEach(() => setActivePinia(createPinia()))
afterEach(() => vi.restoreAllMocks())

it('knows whether the chosen host is the daemon’s own', async () => {
  vi.spyOn(api, 'hosts').mockResolvedValue(answer(host('db1'), host('here', true)))
  const hosts = useHostsStore()
  await hosts.load()
  expect([hosts.own, hosts.other, hosts.query, hosts.isMany]).toEqual(['here', null, {}, true])
  hosts.choose('db1')
  expect([hosts.name, hosts.other, hosts.query]).toEqual(['db1', 'db1', { host: 'db1' }])
  hosts.choose('here')
  expect([hosts.name, hosts.other, hosts.query]).toEqual(['here', null, {}])
  for (const none of [undefined, null, '', ['a', 'b']]) {
    hosts.choose(none)
    expect(hosts.chosen).toBeNull()
  }
})

it('keeps what it knows while the store is away, and asks once at a time', async () => {
  const asked = vi.spyOn(api, 'hosts').mockResolvedValue(answer(host('here', true)))
  const hosts = useHostsStore()
  await Promise.all([hosts.load(), hosts.load()])
  expect(asked).toHaveBeenCalledTimes(1)
  expect(hosts.isMany).toBe(false)
  asked.mockRejectedValue(new ApiError(503, 'the store does not answer'))
  await hosts.load()
  expect(hosts.error).toBe('the store does not answer')
  expect(hosts.hosts).toHaveLength(1)
})
