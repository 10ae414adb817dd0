// Prints what a first visit loads, compressed, and what comes later; fails above the budget.
// Usage: node scripts/report-sizes.mjs [folder of the build, default dist]
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const budget = 200_000
const folder = process.argv[2] ?? 'dist'
const assets = join(folder, 'assets')
const names = readdirSync(assets).filter((name) => /\.(js|css)$/.test(name))
const size = (path) => gzipSync(readFileSync(path)).length
const text = (name) => readFileSync(join(assets, name), 'utf8')

/** A chunk with everything that it imports statically. */
function closure(name, found = new Set()) {
  if (found.has(name)) return found
  found.add(name)
  for (const [, imported] of text(name).matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
    closure(imported, found)
  return found
}

const entry = names.find((name) =>
  readFileSync(join(folder, 'index.html'), 'utf8').includes(`src="/assets/${name}"`),
)
const first = closure(entry)
closure(
  names.find((name) => name.startsWith('DashboardView') && name.endsWith('.js')),
  first,
)
names.filter((name) => name.endsWith('.css')).forEach((name) => first.add(name))

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1).padStart(7)} kB`
const print = (title, list) => {
  const sizes = list.map((name) => [name, size(join(assets, name))]).sort((a, b) => b[1] - a[1])
  const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0)
  console.log(`${title}: ${kilobytes(total).trim()} gzip`)
  sizes.forEach(([name, bytes]) => console.log(`  ${kilobytes(bytes)}  ${name}`))
  return total
}
const total = print('First view (dashboard without the chart library)', [...first])
print(
  'Later',
  names.filter((name) => !first.has(name)),
)
if ([...first].some((name) => name.startsWith('echarts')) || total > budget) {
  console.error(`the first view is over ${budget / 1000} kB, or waits for the chart library`)
  process.exitCode = 1
}
