// Prints the last minutes of two other hosts as JSON lines, for `perfwatch store import`; with the
// argument `fleet` those of some more, for a picture.

/** A name that would run if any page took it for markup. */
export const hostile = '<img src=x onerror=alert(1)>'
const step = 5000
const frames = 60

/** Name, CPU in percent, memory in percent, and how long it has been silent. */
const others = [
  ['db1', 93, 40, 0],
  [hostile, 2, 40, 0],
]
const fleet = [
  ['backup1', 4, 22, 25 * 60_000],
  ['cache1', 12, 88, 0],
  ['db1', 93, 71, 0],
  ['db2', 41, 69, 0],
  ['queue1', 8, 35, 4 * 60_000],
  ['web1', 57, 46, 0],
  ['web2', 62, 45, 0],
  ['web3', 55, 48, 0],
]

function data(busy, memory, tick) {
  const usage = busy + (tick % 2) / 10
  return {
    cpu: {
      usage_percent: usage,
      load_1m: busy / 10,
      load_5m: 1,
      load_15m: 1,
      cores: { 0: { usage_percent: busy } },
    },
    memory: {
      usage_percent: memory,
      used_bytes: (memory / 10) * 2 ** 30,
      total_bytes: 10 * 2 ** 30,
    },
    pressure: {
      cpu: { some_percent: usage / 4, some_avg10_percent: usage / 4 },
      memory: { some_percent: memory / 50, some_avg10_percent: memory / 50 },
      io: { some_percent: 1.5, some_avg10_percent: 1.25 },
    },
  }
}

if (process.argv[1] === import.meta.filename) {
  const newest = Math.floor(Date.now() / step) * step
  for (const [host, busy, memory, silent] of process.argv[2] === 'fleet' ? fleet : others) {
    for (let tick = frames - 1; tick >= 0; tick -= 1) {
      const timestamp = new Date(newest - silent - tick * step).toISOString()
      console.log(JSON.stringify({ timestamp, host, data: data(busy, memory, tick) }))
    }
  }
}
