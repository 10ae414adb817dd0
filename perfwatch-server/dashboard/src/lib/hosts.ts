/** How hosts are listed: found by a part of their name, and described in a few words. */
import type { HostEntry } from '@/api/types'
import { sections } from '@/panels'
import { humanize } from './catalogIndex'
import { splitPath } from './paths'
import { formatDuration, MISSING } from './units'

interface Look {
  text: string
  dot: string
  title: string
}

/** Those of the list of hosts, and one more that the live view is told of. */
export const hostStates = {
  live: { text: 'Live', dot: 'bg-good', title: 'Its samples arrive.' },
  late: { text: 'Late', dot: 'bg-warn', title: 'Its samples are overdue.' },
  gone: { text: 'Gone', dot: 'bg-bad', title: 'It has sent nothing for long.' },
  unknown: { text: 'Unknown', dot: 'bg-bad', title: 'The store holds nothing of it.' },
  away: { text: 'Store away', dot: 'bg-bad', title: 'The store does not answer.' },
} satisfies Record<HostEntry['state'] | 'unknown', Look>

export type HostState = keyof typeof hostStates

/** A state of a later version is none that may break the page. */
export function hostState(name: string): HostState {
  return Object.hasOwn(hostStates, name) ? (name as HostState) : 'unknown'
}

/** The hosts whose name holds every word that was typed, in whatever order and case. */
export function filterHosts(hosts: readonly HostEntry[], typed: string): readonly HostEntry[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return hosts
  return hosts.filter(({ name }) => {
    const lower = name.toLowerCase()
    return words.every((word) => lower.includes(word))
  })
}

/** How many there are, and how many of them are not well; of some nobody may know. */
export function hostsSummary(hosts: readonly HostEntry[]): string {
  const having = (state: string): number => hosts.filter((host) => host.state === state).length
  const [live, away] = [having('live'), having('away')]
  const silent = hosts.length - live - away
  const parts = [hosts.length === 1 ? '1 host' : `${hosts.length} hosts`]
  if (live === hosts.length) parts.push('all live')
  if (silent > 0) parts.push(`${silent} not live`)
  if (away > 0) parts.push(`${away} as last known`)
  return parts.join(', ')
}

/** By name as people order them: `db2` before `db10`. */
export function byName(hosts: readonly HostEntry[]): HostEntry[] {
  return [...hosts].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

/** What an overview calls a percentage: `Memory`, `Pressure IO`. */
export function vitalTitle(path: string): string {
  const segments = splitPath(path)
  const type = segments[0] ?? path
  const title = sections.find((section) => section.type === type)?.title ?? type
  return segments.length > 2 ? `${title} ${humanize(segments[1] ?? '')}` : title
}

/** How long ago something was; a clock that is ahead says now. */
export function ago(time: string | null | undefined, now: number): string {
  const at = Date.parse(time ?? '')
  if (Number.isNaN(at)) return MISSING
  const passed = now - at
  return passed < 1000
    ? 'now'
    : `${formatDuration(Math.floor(passed / 1000) * 1000).split(' ')[0]} ago`
}
