/** Wall-clock text in any time zone, and back. Times are epoch milliseconds everywhere else. */
export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

interface WallClock {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    formats.set(zone, format)
  }
  return format
}

export function isZone(zone: string): boolean {
  try {
    formatOf(zone)
    return true
  } catch {
    return false
  }
}

export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
}

export function wallClock(time: number, zone: string): WallClock {
  const clock: Record<string, number> = {}
  for (const part of formatOf(zone).formatToParts(time)) {
    if (part.type !== 'literal') clock[part.type] = Number(part.value)
  }
  return clock as unknown as WallClock
}

/** What the zone's clock is ahead of UTC at a moment. */
export function zoneOffset(time: number, zone: string): number {
  const c = wallClock(time, zone)
  const shown = Date.UTC(c.year, c.month - 1, c.day, c.hour, c.minute, c.second)
  return shown - Math.floor(time / SECOND) * SECOND
}

/** The moment at which the zone's clock shows `local` (epoch milliseconds as if it were UTC). */
export function fromWallClock(local: number, zone: string): number {
  const guess = local - zoneOffset(local, zone)
  // The offset at the guess differs when a clock change lies between.
  return local - zoneOffset(guess, zone)
}

const two = (value: number): string => String(value).padStart(2, '0')

export function formatDate(time: number, zone: string): string {
  const c = wallClock(time, zone)
  return `${c.year}-${two(c.month)}-${two(c.day)}`
}

export function formatClock(time: number, zone: string): string {
  const c = wallClock(time, zone)
  return `${two(c.hour)}:${two(c.minute)}:${two(c.second)}`
}

export function formatDateTime(time: number, zone: string): string {
  return `${formatDate(time, zone)} ${formatClock(time, zone)}`
}

export function formatTimestamp(text: string | null | undefined, zone: string): string {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? '—' : formatDateTime(time, zone)
}

/** The value of an `<input type="datetime-local">`, which knows no zone. */
export function toInput(time: number, zone: string): string {
  return formatDateTime(time, zone).replace(' ', 'T')
}

export function fromInput(text: string, zone: string): number | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?/.exec(text)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0))
  return fromWallClock(
    Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1, hour ?? 0, minute ?? 0, second || 0),
    zone,
  )
}

const steps = [
  SECOND,
  2 * SECOND,
  5 * SECOND,
  10 * SECOND,
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
  28 * DAY,
  91 * DAY,
  182 * DAY,
  364 * DAY,
]

/** Round times of the zone's own clock, at most `count` of them between two moments. */
export function timeTicks(from: number, to: number, zone: string, count: number): number[] {
  const step = steps.find((candidate) => (to - from) / candidate <= count) ?? steps.at(-1)!
  const ticks: number[] = []
  let local = Math.ceil((from + zoneOffset(from, zone)) / step) * step
  for (; ticks.length <= count + 1; local += step) {
    const time = fromWallClock(local, zone)
    if (time > to) break
    if (time >= from && time !== ticks.at(-1)) ticks.push(time)
  }
  return ticks
}

/** A tick's text: the date where a day begins, seconds only where ticks are that close. */
export function formatTimeTick(time: number, zone: string, span: number): string {
  const c = wallClock(time, zone)
  const midnight = c.hour === 0 && c.minute === 0 && c.second === 0
  if (midnight || span > 12 * DAY) return `${two(c.month)}-${two(c.day)}`
  const clock = `${two(c.hour)}:${two(c.minute)}`
  return span <= 6 * MINUTE ? `${clock}:${two(c.second)}` : clock
}
