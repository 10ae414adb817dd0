import { expect, it } from 'vitest'
import { toCsv } from './csv'

it('writes times, paths as the heading, and nothing for a missing value', () => {
  const csv = toCsv({
    timestamps: [0, 5000],
    gapMs: 1,
    series: [
      { path: 'cpu.usage_percent', values: [1.5, NaN] },
      { path: 'disk.filesystems["/a,b"].usage_percent', values: [null, 2] },
    ],
  })
  expect(csv).toBe(
    'timestamp,timestamp_ms,cpu.usage_percent,"disk.filesystems[""/a,b""].usage_percent"\r\n' +
      '1970-01-01T00:00:00.000Z,0,1.5,\r\n' +
      '1970-01-01T00:00:05.000Z,5000,,2\r\n',
  )
})

it('puts a comparison beside the current values', () => {
  const series = [{ path: 'a', values: [1], previous: [2] }]
  expect(toCsv({ timestamps: [0], gapMs: 1, series })).toContain(
    'a,a (previous)\r\n1970-01-01T00:00:00.000Z,0,1,2',
  )
})
