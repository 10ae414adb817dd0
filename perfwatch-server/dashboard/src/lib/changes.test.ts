import { describe, expect, it } from 'vitest'
import catalog from '../../generated/catalog.json'
import type { CatalogAnswer, ChangesAnswer } from '@/api/types'
import { CatalogIndex } from './catalogIndex'
import { changeRows, summaryOf } from './changes'

const index = new CatalogIndex(catalog as CatalogAnswer)
const figures = (median: number, p95: number) => ({ points: 60, median, p95 })
const answer = {
  series: 400,
  changed: 3,
  below_floor: 380,
  too_few_points: 17,
  min_effect: 3,
  changes: [
    {
      path: 'disk.devices.sda.bytes_written_per_sec',
      direction: 'up',
      moved: 'median',
      effect: 1234.56,
      change_percent: 500,
      help: 'Bytes written.',
      before: figures(2048, 4096),
      after: figures(12288, 14000),
    },
    {
      path: 'cpu.iowait_percent',
      direction: 'down',
      moved: 'p95',
      effect: -3.25,
      change_percent: null,
      help: '',
      before: figures(0, 0),
      after: figures(0, 40),
    },
  ],
} as unknown as ChangesAnswer

describe('what changed', () => {
  it('is written with the units of the catalog, and the figure that moved', () => {
    const [disk, wait] = changeRows(answer, index)
    expect(disk).toMatchObject({
      type: 'disk',
      before: '2.00\u00a0KiB/s',
      after: '12.0\u00a0KiB/s',
      change: '+500\u00a0%',
      effect: '+1,235',
      up: true,
    })
    expect(wait).toMatchObject({
      figure: 'p95',
      after: '40.0\u00a0%',
      change: 'from 0',
      effect: '−3.3',
    })
    expect(wait?.help).toMatch(/disk/)
  })

  it('is summed up with what is not shown', () => {
    expect(summaryOf(answer)).toBe(
      '3 of 400 series changed (1 not shown), 380 moved by less than 3 times their noise, 17 with too few points',
    )
    expect(summaryOf({ ...answer, changed: 2, too_few_points: 0 })).not.toMatch(/not shown|few/)
  })
})
