/** What the daemon says about itself: host, collectors and why something is missing, accounts. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { api, configureClient, describeError } from '@/api/client'
import type { CollectorState, ConfigAnswer } from '@/api/types'

export interface Reason {
  what: string
  reason: string
  cure: string | null
}

export const useConfigStore = defineStore('config', () => {
  const config = shallowRef<ConfigAnswer | null>(null)
  const error = shallowRef<string | null>(null)

  /** From a request without an answer on, until the daemon says that its store is well. */
  const isStoreAway = shallowRef(false)
  /** Grows when the store is back: what it could not say may be asked again. */
  const returns = shallowRef(0)

  configureClient({
    unavailable: () => {
      isStoreAway.value = true
    },
  })

  const hostName = computed(() => config.value?.host.name ?? '')

  async function load(): Promise<void> {
    try {
      const answer = await api.config()
      config.value = answer
      error.value = null
      noteStore(answer.store.status === 'ok')
    } catch (problem) {
      error.value = describeError(problem)
    }
  }

  function noteStore(isOk: boolean): void {
    if (isOk && isStoreAway.value) returns.value += 1
    isStoreAway.value = !isOk
  }

  function collector(type: string): CollectorState | null {
    return config.value?.collectors.find((one) => one.name === type) ?? null
  }

  /** Why a metric type, or a part of it, is missing. */
  function reasons(type: string): Reason[] {
    const state = collector(type)
    if (state === null) return []
    const gaps: Reason[] = []
    for (const { what, reason, cure = null } of state.gaps) {
      const same = gaps.find((gap) => gap.reason === reason && gap.cure === cure)
      if (same === undefined) gaps.push({ what, reason, cure })
      else same.what += `; ${what}`
    }
    if (!state.reason || gaps.some((gap) => gap.reason === state.reason)) return gaps
    return [{ what: '', reason: state.reason, cure: state.cure ?? null }, ...gaps]
  }

  return { config, error, isStoreAway, returns, hostName, load, collector, reasons }
})
