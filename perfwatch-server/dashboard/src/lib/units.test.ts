import { expect, it } from 'vitest'
import { formatChange, formatDuration, formatTick, formatValue } from './units'

const plain = (text: string): string => text.replaceAll('\u00a0', ' ')

it.each([
  [null, 'percent', '—'],
  [NaN, 'bytes', '—'],
  [0, 'percent', '0.0 %'],
  [12.345, 'percent', '12.3 %'],
  [0, 'bytes', '0 B'],
  [1536, 'bytes', '1.50 KiB'],
  [1023.8, 'bytes', '1.00 KiB'],
  [17_179_869_184, 'bytes', '16.0 GiB'],
  [5_242_880, 'bytes_per_second', '5.00 MiB/s'],
  [999.7, 'events_per_second', '1.00 k/s'],
  [0.2, 'events_per_second', '0.20 /s'],
  [1_250_000, 'events_per_second', '1.25 M/s'],
  [3400, 'megahertz', '3.40 GHz'],
  [800, 'megahertz', '800 MHz'],
  [0.053, 'milliseconds', '0.05 ms'],
  [1500, 'milliseconds', '1.50 s'],
  [12.34, 'microseconds', '12.3 µs'],
  [51.25, 'celsius', '51.3 °C'],
  [7.4, 'watts', '7.40 W'],
  [151.26, 'watts', '151 W'],
  [1250, 'watts', '1.25 kW'],
  [48.5, 'watt_hours', '48.5 Wh'],
  [1.5, 'average', '1.50'],
  [0.98765, 'ratio', '0.988'],
  [1234567, 'count', '1,234,567'],
  [1, 'flag', 'yes'],
  [0, 'flag', 'no'],
  [3.14159, 'a unit of tomorrow', '3.14'],
])('%s %s is written %s', (value, unit, text) => {
  expect(plain(formatValue(value, unit))).toBe(text)
})

it.each([
  [0, 'bytes', '0 B'],
  [768 * 1024 ** 2, 'bytes', '768 MiB'],
  [4000, 'events_per_second', '4 k/s'],
  [25, 'percent', '25 %'],
  [2500, 'count', '2.5 k'],
  [60, 'watts', '60 W'],
])('the tick %s %s is written %s', (value, unit, text) => {
  expect(plain(formatTick(value, unit))).toBe(text)
})

it.each([
  [84, '84 ms'],
  [1500, '1.5 s'],
  [1030, '1 s'],
  [5000, '5 s'],
  [59_940, '59.9 s'],
  [59_960, '1 min'],
  [90_000, '1 min 30 s'],
  [3_600_000, '1 h'],
  [86_400_000 * 12, '12 d'],
  [null, '—'],
])('%s ms is written %s', (ms, text) => {
  expect(plain(formatDuration(ms))).toBe(text)
})

it.each([
  [12.34, '+12.3 %'],
  [-250.4, '−250 %'],
  [-0.01, '±0 %'],
  [null, '—'],
])('a change of %s is written %s', (change, text) => {
  expect(plain(formatChange(change))).toBe(text)
})
