/** Which series moved between the two periods that History compares. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { api, describeError } from '@/api/client'
import type { ChangesAnswer, ChangesQuery } from '@/api/types'
import type { TimeSpan } from '@/charts/option'

/** A page of them; more is a question for the command line. */
const limit = 50
const iso = (time: number): string => new Date(time).toISOString()

export interface Periods {
  host: string | null
  before: TimeSpan
  after: TimeSpan
}

export const useChangesStore = defineStore('changes', () => {
  const answer = shallowRef<ChangesAnswer | null>(null)
  const error = shallowRef<string | null>(null)
  const loading = shallowRef(false)
  let running: AbortController | null = null
  let asked = ''

  /** Asks about these periods; what is known of them already is not asked again. */
  async function load(periods: Periods): Promise<void> {
    const question = JSON.stringify(periods)
    if (question === asked && error.value === null) return
    running?.abort()
    const attempt = new AbortController()
    running = attempt
    asked = question
    loading.value = true
    error.value = null
    answer.value = null
    try {
      const found = await api.changes(queryOf(periods), attempt.signal)
      if (running === attempt) answer.value = found
    } catch (problem) {
      if (running === attempt) error.value = describeError(problem)
    } finally {
      if (running === attempt) loading.value = false
    }
  }

  /** Nothing is compared any more. */
  function clear(): void {
    running?.abort()
    running = null
    asked = ''
    answer.value = null
    error.value = null
    loading.value = false
  }

  return { answer, error, loading, load, clear }
})

function queryOf({ host, before, after }: Periods): ChangesQuery {
  return {
    host: host ?? undefined,
    limit,
    before_start: iso(before.from),
    before_end: iso(before.to),
    after_start: iso(after.from),
    after_end: iso(after.to),
  }
}
