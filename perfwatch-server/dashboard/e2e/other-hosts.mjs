// Prints the last minutes of two other hosts as JSON lines, for `perfwatch store import`.

/** A name that would run if any page took it for markup. */
export const hostile = '<img src=x onerror=alert(1)>'
const step = 5000
const frames = 60

function data(busy, tick) {
  return {
    cpu: {
      usage_percent: busy + (tick % 2) / 10,
      load_1m: busy / 10,
      load_5m: 1,
      load_15m: 1,
      cores: { 0: { usage_percent: busy } },
    },
    memory: { usage_percent: 40, used_bytes: 4 * 2 ** 30, total_bytes: 10 * 2 ** 30 },
    pressure: { io: { some_percent: 1.5, some_avg10_percent: 1.25 } },
  }
}

if (process.argv[1] === import.meta.filename) {
  const newest = Math.floor(Date.now() / step) * step
  for (const [host, busy] of [
    ['db1', 93],
    [hostile, 2],
  ]) {
    for (let tick = frames - 1; tick >= 0; tick -= 1) {
      const timestamp = new Date(newest - tick * step).toISOString()
      console.log(JSON.stringify({ timestamp, host, data: data(busy, tick) }))
    }
  }
}
