/** How a number of each unit of the catalog is written: the only place that knows. */
import type { UnitName } from '@/api/catalog'

export const MISSING = '—'

interface Scale {
  /** Each step is `base` times the one before. */
  base: 1000 | 1024
  symbols: readonly string[]
}

const binary: Scale = { base: 1024, symbols: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] }
const binaryRate: Scale = { base: 1024, symbols: binary.symbols.map((symbol) => `${symbol}/s`) }
const events: Scale = { base: 1000, symbols: ['/s', 'k/s', 'M/s', 'G/s', 'T/s'] }
const counts: Scale = { base: 1000, symbols: ['', 'k', 'M', 'G', 'T'] }
const frequency: Scale = { base: 1000, symbols: ['MHz', 'GHz'] }
const milliseconds: Scale = { base: 1000, symbols: ['ms', 's'] }
const microseconds: Scale = { base: 1000, symbols: ['µs', 'ms', 's'] }
const watts: Scale = { base: 1000, symbols: ['W', 'kW'] }
const wattHours: Scale = { base: 1000, symbols: ['Wh', 'kWh'] }

/** What is known of some units; one of a later version is none of them. */
type Known<T> = Readonly<Record<string, T | undefined>>

const scales: Known<Scale> = {
  bytes: binary,
  bytes_per_second: binaryRate,
  events_per_second: events,
  megahertz: frequency,
  milliseconds,
  microseconds,
  watts,
  watt_hours: wattHours,
} satisfies Partial<Record<UnitName, Scale>>

interface Fixed {
  symbol: string
  decimals: number
}

const fixed: Known<Fixed> = {
  percent: { symbol: '%', decimals: 1 },
  average: { symbol: '', decimals: 2 },
  ratio: { symbol: '', decimals: 3 },
  celsius: { symbol: '°C', decimals: 1 },
} satisfies Partial<Record<UnitName, Fixed>>

/** Ends of a field's name that its unit already says, the longer first. */
const suffixes: Known<readonly string[]> = {
  percent: ['_percent'],
  bytes: ['_bytes'],
  bytes_per_second: ['_bytes_per_sec', '_per_sec'],
  events_per_second: ['_per_sec'],
  celsius: ['_celsius'],
  megahertz: ['_mhz'],
  milliseconds: ['_ms'],
  microseconds: ['_us'],
  watts: ['_watts'],
  watt_hours: ['_wh'],
} satisfies Partial<Record<UnitName, readonly string[]>>

export function unitSuffixes(unit: string): readonly string[] {
  return suffixes[unit] ?? []
}

/** 1, 1000 or 1024 as the unit is counted: the axis takes its steps from it. */
export function unitBase(unit: string): 1000 | 1024 {
  return scales[unit]?.base ?? 1000
}

export function isMissing(value: number | null | undefined): value is null | undefined {
  return value === null || value === undefined || Number.isNaN(value)
}

const formats = new Map<number, Intl.NumberFormat>()

export function formatNumber(value: number, decimals: number): string {
  let format = formats.get(decimals)
  if (format === undefined) {
    format = new Intl.NumberFormat('en', {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    })
    formats.set(decimals, format)
  }
  return format.format(value)
}

function join(number: string, symbol: string): string {
  return symbol === '' ? number : `${number}\u00a0${symbol}`
}

/** Three significant digits are what a reader compares. */
function significant(value: number): number {
  const size = Math.abs(value)
  if (size === 0 || size >= 100) return 0
  return size >= 10 ? 1 : 2
}

function scaled(value: number, scale: Scale, decimals?: number): string {
  let index = 0
  let rest = value
  // 999.5 would be written "1,000": it belongs to the next step.
  while (Math.abs(rest) >= scale.base - 0.5 && index < scale.symbols.length - 1) {
    rest /= scale.base
    index += 1
  }
  const whole = index === 0 && Number.isInteger(rest)
  return join(
    formatNumber(rest, decimals ?? (whole ? 0 : significant(rest))),
    scale.symbols[index] ?? '',
  )
}

export function formatValue(value: number | null | undefined, unit: string): string {
  if (isMissing(value)) return MISSING
  if (unit === 'flag') return value === 0 ? 'no' : 'yes'
  if (unit === 'count') return formatNumber(value, Number.isInteger(value) ? 0 : 1)
  const scale = scales[unit]
  if (scale !== undefined) return scaled(value, scale)
  const rule = fixed[unit] ?? { symbol: '', decimals: significant(value) }
  return join(formatNumber(value, rule.decimals), rule.symbol)
}

/** A tick of a value axis: as short as it can be. */
export function formatTick(value: number, unit: string): string {
  const scale = unit === 'count' ? counts : scales[unit]
  if (scale === undefined) {
    return join(String(Number(value.toPrecision(6))), fixed[unit]?.symbol ?? '')
  }
  let index = 0
  let rest = value
  while (Math.abs(rest) >= scale.base && index < scale.symbols.length - 1) {
    rest /= scale.base
    index += 1
  }
  return join(String(Number(rest.toPrecision(4))), scale.symbols[index] ?? '')
}

/** Below a minute a tenth of a second counts: an interval of 1.5 s is none of 2 s. */
export function formatDuration(ms: number | null | undefined): string {
  if (isMissing(ms)) return MISSING
  const tenths = Math.round(ms / 100)
  if (tenths > 10 && tenths < 600 && tenths % 10 !== 0)
    return `${formatNumber(tenths / 10, 1)}\u00a0s`
  const seconds = Math.round(ms / 1000)
  if (Math.abs(ms) < 1000) return `${formatNumber(ms, 0)}\u00a0ms`
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, symbol]) => `${count}\u00a0${symbol}`)
    .join(' ')
}

/** A change in percent with its sign; a long one without decimals. */
export function formatChange(percent: number | null | undefined): string {
  if (isMissing(percent)) return MISSING
  const text = formatNumber(Math.abs(percent), Math.abs(percent) >= 100 ? 0 : 1)
  if (Number(text) === 0) return `±0\u00a0%`
  return `${percent > 0 ? '+' : '−'}${text}\u00a0%`
}
