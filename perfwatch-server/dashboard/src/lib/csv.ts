/** A chart's numbers as CSV (RFC 4180), with the paths as the heading. */
import type { ChartColumns } from '@/charts/columns'
import { isMissing } from './units'

function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const numberCell = (value: number | null | undefined): string =>
  isMissing(value) ? '' : String(value)

export function toCsv(columns: ChartColumns): string {
  const compared = columns.series.some((series) => series.previous !== undefined)
  const head = ['timestamp', 'timestamp_ms']
  for (const series of columns.series) {
    head.push(series.path)
    if (compared) head.push(`${series.path} (previous)`)
  }
  const lines = [head.map(cell).join(',')]
  for (let index = 0; index < columns.timestamps.length; index += 1) {
    const time = columns.timestamps[index] ?? 0
    const row = [new Date(time).toISOString(), String(time)]
    for (const series of columns.series) {
      row.push(numberCell(series.values[index]))
      if (compared) row.push(numberCell(series.previous?.[index]))
    }
    lines.push(row.join(','))
  }
  return lines.join('\r\n') + '\r\n'
}
