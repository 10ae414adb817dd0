/** What this browser's user likes: theme, time zone, live window. Kept in the browser. */
import { useMediaQuery, useStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, watchEffect } from 'vue'
import { browserZone, isZone } from '@/lib/time'
import { useConfigStore } from './config'

export type ThemeChoice = 'system' | 'light' | 'dark'
export type ZoneChoice = 'browser' | 'utc' | 'host'

export const themeChoices: readonly ThemeChoice[] = ['system', 'light', 'dark']
export const zoneChoices: readonly ZoneChoice[] = ['browser', 'utc', 'host']
export const windowChoices: readonly number[] = [5, 15]

export const usePreferencesStore = defineStore('preferences', () => {
  const theme = useStorage<ThemeChoice>('perfwatch.theme', 'system')
  const zoneChoice = useStorage<ZoneChoice>('perfwatch.zone', 'browser')
  const windowMinutes = useStorage<number>('perfwatch.window', 15)
  const systemDark = useMediaQuery('(prefers-color-scheme: dark)')
  const config = useConfigStore()

  const isDark = computed(() =>
    theme.value === 'system' ? systemDark.value : theme.value === 'dark',
  )

  const hostZone = computed(() => {
    const zone = config.config?.host.timezone
    return zone && isZone(zone) ? zone : null
  })

  const zone = computed(() => {
    if (zoneChoice.value === 'utc') return 'UTC'
    return zoneChoice.value === 'host' ? (hostZone.value ?? 'UTC') : browserZone()
  })

  function nextTheme(): void {
    const index = themeChoices.indexOf(theme.value)
    theme.value = themeChoices[(index + 1) % themeChoices.length] ?? 'system'
  }

  watchEffect(() => {
    document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light'
  })

  return { theme, zoneChoice, windowMinutes, isDark, zone, hostZone, nextTheme }
})
