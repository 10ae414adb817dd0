/** What the daemon says about itself: host, collectors and why something is missing, accounts. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { api, describeError } from '@/api/client'
import type { CollectorState, ConfigAnswer } from '@/api/types'

export interface Reason {
  what: string
  reason: string
  cure: string | null
}

export const useConfigStore = defineStore('config', () => {
  const config = shallowRef<ConfigAnswer | null>(null)
  const error = shallowRef<string | null>(null)

  const hostName = computed(() => config.value?.host.name ?? '')

  async function load(): Promise<void> {
    try {
      config.value = await api.config()
      error.value = null
    } catch (problem) {
      error.value = describeError(problem)
    }
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

  return { config, error, hostName, load, collector, reasons }
})
