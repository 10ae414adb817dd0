/** A chart as a PNG of a fixed size, with its title and legend, whatever the window shows. */
import type { CatalogIndex } from '@/lib/catalogIndex'
import type { ChartColumns } from './columns'
import { renderPng } from './echarts'
import { buildOption, type ChartView } from './option'
import type { ChartTheme } from './theme'

const width = 1200
const height = 480

export function picture(
  catalog: CatalogIndex,
  columns: ChartColumns,
  theme: ChartTheme,
  view: Omit<ChartView, 'width'>,
): string {
  const option = buildOption(catalog, columns, theme, { ...view, width, zoomable: false })
  return renderPng(option, width, height)
}
