/** Routes and who may see them. Views are loaded when they are first opened. */
import { createRouter, createWebHistory, type RouteLocationRaw } from 'vue-router'
import type { HostEntry } from '@/api/types'
import { safeTarget } from '@/lib/redirect'
import { useHostsStore } from '@/stores/hosts'
import { useSessionStore } from '@/stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    title: string
    public?: boolean
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    {
      path: '/login',
      name: 'login',
      component: () => import('@/views/LoginView.vue'),
      meta: { title: 'Log in', public: true },
    },
    {
      path: '/',
      name: 'dashboard',
      component: () => import('@/views/DashboardView.vue'),
      meta: { title: 'Dashboard' },
    },
    {
      path: '/history',
      name: 'history',
      component: () => import('@/views/HistoryView.vue'),
      meta: { title: 'History' },
    },
    {
      path: '/hosts',
      name: 'hosts',
      component: () => import('@/views/HostsView.vue'),
      meta: { title: 'Hosts' },
    },
    {
      path: '/settings',
      name: 'settings',
      component: () => import('@/views/SettingsView.vue'),
      meta: { title: 'Settings' },
    },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})

/** The dashboard of a host; the daemon's own needs no name. */
export function hostLink(host: HostEntry): RouteLocationRaw {
  return { name: 'dashboard', query: host.current ? {} : { host: host.name } }
}

export function loginTarget(fullPath: string): RouteLocationRaw {
  return { name: 'login', query: fullPath === '/' ? {} : { redirect: fullPath } }
}

router.beforeEach((to) => {
  const session = useSessionStore()
  if (session.token === null && to.meta.public !== true) return loginTarget(to.fullPath)
  if (session.token !== null && to.name === 'login') return safeTarget(to.query.redirect)
  return true
})

router.afterEach((to) => {
  // Other pages are about no host, and lead back to the one that was looked at.
  if (to.name === 'dashboard' || to.name === 'history') useHostsStore().choose(to.query.host)
  document.title = `${to.meta.title} · PerfWatch`
})
