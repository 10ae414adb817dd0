import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { h } from 'vue'
import type { CatalogAnswer } from '@/api/types'
import type { Figure } from '@/charts/columns'
import { CatalogIndex } from '@/lib/catalogIndex'
import { useCatalogStore } from '@/stores/catalog'
import { stubDocument, textOf } from '@/testing/render'
import generated from '../../generated/catalog.json'
import ChartPanel from './ChartPanel.vue'

vi.mock('@/charts/TimeChart.vue', () => ({
  __esModule: true,
  default: (props: { view: { stacked: boolean }; label: string }) =>
    h('p', `${props.label} ${props.view.stacked ? 'stacked' : 'not stacked'}`),
}))

beforeEach(() => {
  stubDocument()
  setActivePinia(createPinia())
  useCatalogStore().index = new CatalogIndex(generated as CatalogAnswer)
})
afterEach(() => vi.unstubAllGlobals())

function panel(figure: Figure): Promise<string> {
  const series = [
    { path: 'cpu.user_percent', values: [10, 80, 30] },
    { path: 'cpu.system_percent', values: [60, 70, 20] },
  ]
  return textOf(ChartPanel, {
    panel: { id: 'cpu-states', title: 'Time by state', paths: [], stacked: true },
    columns: { timestamps: [0, 1000, 2000], gapMs: 1500, series },
    range: { from: 0, to: 2000 },
    host: 'here',
    figure,
  })
}

it('names the figure beside a line, which is of the kind of its points', async () => {
  expect(await panel('avg')).toMatch(/Average: User 40\.0\s% System 50\.0\s%/)
  expect(await panel('max')).toMatch(/Highest: User 80\.0\s% System 70\.0\s%/)
  expect(await panel('min')).toMatch(/Lowest: User 10\.0\s% System 20\.0\s%/)
  expect(await panel('last')).toMatch(/Last: User 30\.0\s% System 20\.0\s%/)
  expect(await panel('now')).not.toMatch(/Last|Average/)
})

it('stacks what adds up to the whole, and nothing else', async () => {
  for (const figure of ['now', 'avg'] as const)
    expect(await panel(figure)).not.toContain('not stacked')
  for (const figure of ['min', 'max', 'last'] as const)
    expect(await panel(figure)).toContain('not stacked')
})
