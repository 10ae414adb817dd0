/** How long history is kept, what is stored, and the last clean-up. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { api, describeError } from '@/api/client'
import type { CleanupReport, RetentionAnswer, RetentionUpdate } from '@/api/types'

export const useRetentionStore = defineStore('retention', () => {
  const answer = shallowRef<RetentionAnswer | null>(null)
  const report = shallowRef<CleanupReport | null>(null)
  const error = shallowRef<string | null>(null)
  const busy = shallowRef<'saving' | 'cleaning' | null>(null)

  async function load(): Promise<void> {
    try {
      answer.value = await api.retention()
      error.value = null
    } catch (problem) {
      error.value = describeError(problem)
    }
  }

  /** True when the server took the change. */
  async function save(change: RetentionUpdate): Promise<boolean> {
    busy.value = 'saving'
    error.value = null
    try {
      answer.value = await api.changeRetention(change)
      return true
    } catch (problem) {
      error.value = describeError(problem)
      return false
    } finally {
      busy.value = null
    }
  }

  async function cleanup(): Promise<void> {
    busy.value = 'cleaning'
    error.value = null
    report.value = null
    try {
      report.value = await api.cleanup()
      await load()
    } catch (problem) {
      error.value = describeError(problem)
    } finally {
      busy.value = null
    }
  }

  return { answer, report, error, busy, load, save, cleanup }
})
