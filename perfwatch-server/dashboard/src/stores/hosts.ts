/** All hosts of the store, and the one that the pages are about. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { api, describeError } from '@/api/client'
import type { HostEntry } from '@/api/types'
import { useConfigStore } from './config'

export const useHostsStore = defineStore('hosts', () => {
  const config = useConfigStore()
  /** Those first that somebody should look at. */
  const hosts = shallowRef<readonly HostEntry[]>([])
  /** The paths of each host's percentages. */
  const vitals = shallowRef<readonly string[]>([])
  const loaded = shallowRef(false)
  const error = shallowRef<string | null>(null)
  /** The host in the address; null for the daemon's own. */
  const chosen = shallowRef<string | null>(null)
  let loading: Promise<void> | null = null

  const own = computed(() => hosts.value.find((host) => host.current)?.name ?? config.hostName)
  /** The chosen host where it is not the daemon's own. */
  const other = computed(() => (chosen.value === own.value ? null : chosen.value))
  const name = computed(() => chosen.value ?? own.value)
  const isMany = computed(() => hosts.value.length > 1 || other.value !== null)
  /** For links between the pages of one host. */
  const query = computed((): Record<string, string> => {
    if (other.value === null) return {}
    return { host: other.value }
  })

  /** What is known stays where the store does not answer. */
  function load(): Promise<void> {
    loading ??= ask().finally(() => {
      loading = null
    })
    return loading
  }

  async function ask(): Promise<void> {
    try {
      const answer = await api.hosts()
      hosts.value = answer.hosts
      vitals.value = answer.vitals
      loaded.value = true
      error.value = null
    } catch (problem) {
      error.value = describeError(problem)
    }
  }

  function choose(host: unknown): void {
    chosen.value = typeof host === 'string' && host !== '' ? host : null
  }

  /** Forgets the hosts: the next user may not see them. */
  function clear(): void {
    hosts.value = []
    loaded.value = false
    error.value = null
  }

  return {
    hosts,
    vitals,
    loaded,
    error,
    chosen,
    own,
    other,
    name,
    isMany,
    query,
    load,
    choose,
    clear,
  }
})
