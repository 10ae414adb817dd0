/** The text under the pointer. Names of rows come from the host and are hostile: all is escaped. */
import { formatDateTime } from '@/lib/time'
import { formatValue } from '@/lib/units'

export interface TooltipPoint {
  seriesId?: string
  seriesName?: string
  color?: unknown
  value?: unknown
  axisValue?: unknown
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? char)
}

function valueOf(point: TooltipPoint): number | null {
  const value = Array.isArray(point.value) ? (point.value as unknown[])[1] : null
  return typeof value === 'number' ? value : null
}

function row(point: TooltipPoint, unit: string): string {
  const color = escapeHtml(typeof point.color === 'string' ? point.color : 'currentColor')
  const name = escapeHtml(point.seriesName ?? '')
  const value = escapeHtml(formatValue(valueOf(point), unit))
  return (
    `<tr><td style="padding-right:6px"><span style="display:inline-block;width:9px;height:9px;` +
    `border-radius:2px;background:${color}"></span></td>` +
    `<td style="padding-right:14px">${name}</td>` +
    `<td style="text-align:right;font-variant-numeric:tabular-nums;font-weight:600">${value}</td></tr>`
  )
}

export function tooltipHtml(
  points: readonly TooltipPoint[],
  unit: string,
  zone: string,
  previousShiftMs: number | null,
): string {
  const time = Number(points[0]?.axisValue ?? NaN)
  if (points.length === 0 || Number.isNaN(time)) return ''
  let head = `<div style="font-weight:600">${escapeHtml(formatDateTime(time, zone))}</div>`
  if (previousShiftMs !== null) {
    const before = escapeHtml(formatDateTime(time + previousShiftMs, zone))
    head += `<div style="opacity:.7">previous: ${before}</div>`
  }
  const rows = points.map((point) => row(point, unit)).join('')
  return `${head}<table style="margin-top:4px;border-spacing:0">${rows}</table>`
}
