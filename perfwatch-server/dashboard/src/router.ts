/** Routes and who may see them. Views are loaded when they are first opened. */
import { createRouter, createWebHistory, type RouteLocationRaw } from 'vue-router'
import { safeTarget } from '@/lib/redirect'
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
      path: '/settings',
      name: 'settings',
      component: () => import('@/views/SettingsView.vue'),
      meta: { title: 'Settings' },
    },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})

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
  document.title = `${to.meta.title} · PerfWatch`
})
