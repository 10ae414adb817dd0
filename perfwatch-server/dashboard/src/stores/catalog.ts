/** The catalog of fields: asked once, because it changes only with the daemon's version. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { api, describeError } from '@/api/client'
import { CatalogIndex } from '@/lib/catalogIndex'

export const useCatalogStore = defineStore('catalog', () => {
  const index = shallowRef(new CatalogIndex({ metric_types: [] }))
  const loaded = shallowRef(false)
  const error = shallowRef<string | null>(null)

  async function load(): Promise<void> {
    try {
      index.value = new CatalogIndex(await api.catalog())
      loaded.value = true
      error.value = null
    } catch (problem) {
      error.value = describeError(problem)
    }
  }

  return { index, loaded, error, load }
})
