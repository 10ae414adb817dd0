/**
 * Series paths: `network.interfaces.eth0.bytes_recv_per_sec`, with a bracket around a row name
 * that is not plain: `disk.filesystems["/home"].usage_percent`. `*` stands for one segment.
 */
const plain = /^[A-Za-z0-9_-]+$/

export function joinPath(segments: readonly string[]): string {
  return segments
    .map((segment, index) => {
      if (segment === '*' || plain.test(segment)) return index === 0 ? segment : `.${segment}`
      return `[${JSON.stringify(segment)}]`
    })
    .join('')
}

/** The segments of a path; an unreadable rest is kept as one segment rather than lost. */
export function splitPath(path: string): string[] {
  const segments: string[] = []
  const token = /\.?([^.["\]]+)|\[("(?:[^"\\]|\\.)*")\]/y
  while (token.lastIndex < path.length) {
    const start = token.lastIndex
    const match = token.exec(path)
    if (match === null) return [...segments, path.slice(start)]
    segments.push(match[1] ?? unquote(match[2] ?? '""'))
  }
  return segments
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text))
  } catch {
    return text
  }
}

export function matches(pattern: string, path: string): boolean {
  if (!pattern.includes('*')) return pattern === path
  const wanted = splitPath(pattern)
  const given = splitPath(path)
  return (
    wanted.length === given.length &&
    wanted.every((segment, index) => segment === '*' || segment === given[index])
  )
}

/** The numbers of a nested document that a pattern names, with their paths. */
export function collect(
  document: unknown,
  pattern: readonly string[],
  found: (path: string, value: number) => void,
  prefix: readonly string[] = [],
): void {
  const [head, ...rest] = pattern
  if (head === undefined) {
    if (typeof document === 'number') found(joinPath(prefix), document)
    return
  }
  if (!isObject(document)) return
  const keys = head === '*' ? Object.keys(document) : [head]
  for (const key of keys) {
    if (Object.hasOwn(document, key)) collect(document[key], rest, found, [...prefix, key])
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The number at a path of a nested document; null when it is missing. */
export function numberAt(document: unknown, ...segments: string[]): number | null {
  let node = document
  for (const segment of segments) {
    if (!isObject(node) || !Object.hasOwn(node, segment)) return null
    node = node[segment]
  }
  return typeof node === 'number' ? node : null
}

/** The rows of a table, as [name, fields], numeric names in numeric order. */
export function rowsAt(
  document: unknown,
  ...segments: string[]
): [string, Record<string, unknown>][] {
  let node = document
  for (const segment of segments) node = isObject(node) ? node[segment] : undefined
  if (!isObject(node)) return []
  const rows = Object.entries(node).filter((row): row is [string, Record<string, unknown>] =>
    isObject(row[1]),
  )
  return rows.sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
}
