import { expect, it } from 'vitest'
import type { HostEntry } from '@/api/types'
import { ago, byName, filterHosts, hostsSummary, hostState, vitalTitle } from './hosts'

function host(name: string): HostEntry {
  return { name, current: false, state: 'live', trouble: 0, vitals: [] }
}

const names = (hosts: readonly HostEntry[]): string[] => hosts.map(({ name }) => name)
const hosts = ['db10', 'db2', 'Web-Berlin', '<img src=x onerror=alert(1)>'].map(host)

it('finds hosts by parts of their name', () => {
  expect(filterHosts(hosts, '  ')).toBe(hosts)
  expect(names(filterHosts(hosts, 'DB'))).toEqual(['db10', 'db2'])
  expect(names(filterHosts(hosts, 'berlin web'))).toEqual(['Web-Berlin'])
  expect(names(filterHosts(hosts, '<img'))).toHaveLength(1)
  expect(filterHosts(hosts, '.*')).toEqual([])
})

it('orders numbers in names as numbers', () => {
  expect(names(byName(hosts)).slice(1)).toEqual(['db2', 'db10', 'Web-Berlin'])
})

it('counts those that are not well, and those of whom nobody knows', () => {
  const summary = (...states: HostEntry['state'][]): string =>
    hostsSummary(states.map((state) => ({ ...host('a'), state })))
  expect(summary('live')).toBe('1 host, all live')
  expect(summary('live', 'late', 'gone')).toBe('3 hosts, 2 not live')
  expect(summary('live', 'gone', 'away')).toBe('3 hosts, 1 not live, 1 as last known')
})

it('names a percentage by what it is of', () => {
  expect(vitalTitle('cpu.usage_percent')).toBe('CPU')
  expect(vitalTitle('pressure.io.some_avg10_percent')).toBe('Pressure IO')
  expect(vitalTitle('of_tomorrow.x')).toBe('of_tomorrow')
})

it('says how long ago a host was seen', () => {
  expect(ago('2026-11-23T10:00:00Z', Date.parse('2026-11-23T10:00:04.600Z'))).toBe('4\u00a0s ago')
  const now = Date.parse('2026-11-23T05:00:00Z')
  const seen = (ms: number): string => ago(new Date(now - ms).toISOString(), now)
  expect([-5000, 0, 4000, 125_000, 90_000_000].map(seen)).toEqual([
    'now',
    'now',
    '4\u00a0s ago',
    '2\u00a0min ago',
    '1\u00a0d ago',
  ])
  expect(ago(null, now)).toBe('—')
})

it('takes a state it does not know for none', () => {
  expect([hostState('late'), hostState('tired'), hostState('toString')]).toEqual([
    'late',
    'unknown',
    'unknown',
  ])
})
