/**
 * The last minutes of every watched series: typed arrays on one common time axis, oldest first
 * to read, a ring to write. NaN is a missing value. It knows no store, no socket and no clock.
 */
export class LiveBuffer {
  private times: Float64Array
  private columns = new Map<string, Float64Array>()
  private start = 0
  private count = 0

  constructor(readonly capacity: number) {
    this.times = new Float64Array(capacity)
  }

  get length(): number {
    return this.count
  }

  private position(index: number): number {
    return (this.start + index) % this.capacity
  }

  timeAt(index: number): number {
    return this.times[this.position(index)] ?? NaN
  }

  get newest(): number | null {
    return this.count === 0 ? null : this.timeAt(this.count - 1)
  }

  paths(): string[] {
    return [...this.columns.keys()]
  }

  /** Adds a frame; false when it is known already. */
  append(time: number, values: ReadonlyMap<string, number>): boolean {
    if (this.newest === time) return false
    // The host's clock stepped back: what it labelled with later times is no longer in order.
    while (this.count > 0 && this.newest! >= time) this.count -= 1
    const at = this.position(this.count)
    if (this.count === this.capacity) this.start = (this.start + 1) % this.capacity
    else this.count += 1
    this.times[at] = time
    for (const column of this.columns.values()) column[at] = NaN
    for (const [path, value] of values) this.column(path)[at] = value
    return true
  }

  private column(path: string): Float64Array {
    let column = this.columns.get(path)
    if (column === undefined) {
      column = new Float64Array(this.capacity).fill(NaN)
      this.columns.set(path, column)
    }
    return column
  }

  timestamps(): Float64Array {
    return this.unrolled(this.times)
  }

  values(path: string): Float64Array {
    const column = this.columns.get(path)
    return column === undefined ? new Float64Array(this.count).fill(NaN) : this.unrolled(column)
  }

  private unrolled(ring: Float64Array): Float64Array {
    const list = new Float64Array(this.count)
    const first = Math.min(this.count, this.capacity - this.start)
    list.set(ring.subarray(this.start, this.start + first))
    list.set(ring.subarray(0, this.count - first), first)
    return list
  }

  /** Puts stored frames between those that are here; a frame that is here stays as it is. */
  merge(
    times: ArrayLike<number>,
    series: readonly { path: string; values: ArrayLike<number | null> }[],
  ): void {
    const present = new Map<number, number>()
    const known = this.timestamps()
    known.forEach((time, index) => present.set(time, index))
    const sources = new Map<number, number>()
    for (let index = 0; index < times.length; index += 1) {
      const answered = series.some(({ values }) => typeof values[index] === 'number')
      if (answered) sources.set(times[index]!, index)
    }
    const all = [...new Set([...present.keys(), ...sources.keys()])].sort((a, b) => a - b)
    const kept = all.slice(-this.capacity)

    const given = new Map(series.map((one) => [one.path, one.values]))
    const paths = new Set([...this.columns.keys(), ...given.keys()])
    const columns = new Map<string, Float64Array>()
    for (const path of paths) {
      const column = new Float64Array(this.capacity).fill(NaN)
      const own = this.values(path)
      const stored = given.get(path)
      kept.forEach((time, at) => {
        const here = present.get(time)
        const there = sources.get(time)
        const live = here === undefined ? NaN : own[here]!
        const old = there === undefined ? null : stored?.[there]
        column[at] = Number.isNaN(live) && typeof old === 'number' ? old : live
      })
      columns.set(path, column)
    }
    this.times = new Float64Array(this.capacity)
    this.times.set(kept)
    this.columns = columns
    this.start = 0
    this.count = kept.length
  }

  /** The last moment before the first hole after `from`; null when there is none. */
  firstGap(from: number, spacing: number): number | null {
    let before = from
    for (let index = 0; index < this.count; index += 1) {
      const time = this.timeAt(index)
      if (time <= from) continue
      if (time - before > spacing) return before
      before = time
    }
    return null
  }
}
