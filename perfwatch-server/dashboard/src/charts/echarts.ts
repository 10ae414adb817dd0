/** Registers the parts of the chart library that are used, and nothing else of it. */
import { LineChart } from 'echarts/charts'
import {
  DataZoomInsideComponent,
  GridComponent,
  LegendComponent,
  TitleComponent,
  ToolboxComponent,
  TooltipComponent,
} from 'echarts/components'
import { init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import type { EChartsCoreOption } from 'echarts/core'

use([
  LineChart,
  GridComponent,
  TooltipComponent,
  DataZoomInsideComponent,
  ToolboxComponent,
  TitleComponent,
  LegendComponent,
  CanvasRenderer,
])

/** Draws an option off the page and returns the picture as a data URL. */
export function renderPng(option: EChartsCoreOption, width: number, height: number): string {
  const chart = init(document.createElement('div'), null, { width, height, devicePixelRatio: 2 })
  try {
    chart.setOption(option)
    return chart.getDataURL({
      type: 'png',
      pixelRatio: 2,
      backgroundColor: String(option.backgroundColor),
    })
  } finally {
    chart.dispose()
  }
}
