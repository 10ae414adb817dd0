import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const daemon = 'http://127.0.0.1:8000'

export default defineConfig({
  plugins: [vue(), tailwindcss()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    // The daemon's policy allows scripts from its own origin only: nothing may be inlined.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // The chart library is one chunk of its own, loaded after the first view.
    chunkSizeWarningLimit: 800,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // First, because a group takes along what its modules import.
            {
              name: 'vue',
              test: /node_modules[\\/](@vue|vue|vue-router|pinia|@vueuse)[\\/]/,
              priority: 2,
            },
            {
              name: 'echarts',
              test: /node_modules[\\/](echarts|zrender|vue-echarts|tslib)[\\/]/,
              priority: 1,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': { target: daemon, ws: true } } },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
})
