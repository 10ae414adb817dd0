/** How long history is kept, what is stored, and the last clean-up. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { api, describeError } from '@/api/client'
import type { CleanupReport, RetentionAnswer, RetentionUpdate, StoreForecast } from '@/api/types'

export const useRetentionStore = defineStore('retention', () => {
  const answer = shallowRef<RetentionAnswer | null>(null)
  const report = shallowRef<CleanupReport | null>(null)
  const error = shallowRef<string | null>(null)
  /** What the policy would take with the values that are typed; undefined while they are wrong. */
  const forecast = shallowRef<StoreForecast | null | undefined>(undefined)
  let foreseeing: AbortController | null = null
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

  /** Nothing is saved. */
  async function foresee(change: RetentionUpdate): Promise<void> {
    foreseeing?.abort()
    const attempt = new AbortController()
    foreseeing = attempt
    try {
      const found = await api.forecast(change, attempt.signal)
      if (foreseeing === attempt) forecast.value = found.forecast ?? null
    } catch {
      // What is wrong with the values is told when they are saved.
      if (foreseeing === attempt) forecast.value = undefined
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

  return { answer, report, forecast, error, busy, load, save, foresee, cleanup }
})
