/** Who is logged in. The token lives in localStorage, so that a link opens in a new tab. */
import { useStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { api, configureClient } from '@/api/client'
import type { LoginResponse, Me } from '@/api/types'

interface Saved {
  token: string
  expiresAt: number
}

export const useSessionStore = defineStore('session', () => {
  const saved = useStorage<Saved | null>('perfwatch.session', null, undefined, {
    serializer: { read: readSaved, write: (value) => JSON.stringify(value) },
  })
  const me = shallowRef<Me | null>(null)
  /** A password change ends the old token while the new one is on its way. */
  const renewing = shallowRef(false)

  const token = computed(() => {
    const session = saved.value
    return session !== null && session.expiresAt > Date.now() ? session.token : null
  })

  function accept(answer: LoginResponse): void {
    saved.value = { token: answer.access_token, expiresAt: Date.now() + answer.expires_in * 1000 }
  }

  async function login(username: string, password: string): Promise<void> {
    accept(await api.login({ username, password }))
  }

  async function changePassword(current: string, next: string): Promise<void> {
    renewing.value = true
    try {
      accept(await api.changePassword({ current_password: current, new_password: next }))
    } finally {
      renewing.value = false
    }
  }

  async function loadMe(): Promise<void> {
    me.value = await api.me()
  }

  function end(): void {
    saved.value = null
    me.value = null
  }

  /** The server refused this token; a newer one stays. */
  function refused(refusedToken: string): void {
    if (!renewing.value && saved.value?.token === refusedToken) end()
  }

  async function logout(): Promise<void> {
    // Even if the server is away, this browser forgets the token.
    await api.logout().catch(() => undefined)
    end()
  }

  configureClient({ token: () => token.value, unauthorized: refused })

  return { token, me, renewing, login, logout, changePassword, loadMe, refused, end }
})

function readSaved(text: string): Saved | null {
  try {
    const value = JSON.parse(text) as Partial<Saved> | null
    if (typeof value?.token !== 'string' || typeof value.expiresAt !== 'number') return null
    return { token: value.token, expiresAt: value.expiresAt }
  } catch {
    return null
  }
}
