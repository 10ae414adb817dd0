/** Round steps of a value axis: decimal for most units, powers of two for bytes. */
export interface AxisScale {
  max: number
  interval: number
}

const tickCount = 4

function roundUp(step: number, base: 1000 | 1024): number {
  // Half a byte is no tick.
  if (base === 1024) {
    if (step <= 1) return 1
    const unit = 1024 ** Math.floor(Math.log2(step) / 10 + 1e-9)
    return 2 ** Math.ceil(Math.log2(step / unit) - 1e-9) * unit
  }
  const power = 10 ** Math.floor(Math.log10(step) + 1e-9)
  const factor =
    [1, 2, 2.5, 5, 10].find((candidate) => candidate * power >= step * (1 - 1e-9)) ?? 10
  return factor * power
}

export function axisScale(highest: number, base: 1000 | 1024): AxisScale {
  const wanted = highest > 0 ? highest : 1
  const interval = roundUp(wanted / tickCount, base)
  return { interval, max: interval * Math.max(1, Math.ceil(wanted / interval - 1e-9)) }
}
