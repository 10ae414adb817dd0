// The dashboard in a real Chromium against a real daemon. The tests build on each other: one
// person's way through the pages, in order.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  downloadOf,
  launch,
  loadHost,
  logIn,
  numbersOf,
  screenshot,
  section,
  settings,
  timesOf,
  until,
  waitLive,
  watch,
  widthOverflow,
} from './browser.mjs'

const metricTypes = [
  'cpu',
  'memory',
  'network',
  'disk',
  'perf_events',
  'memory_bandwidth',
  'pressure',
  'power',
]
const views = { dashboard: '/', history: '/history', settings: '/settings' }

let config
let browser
let page
let problems
/** Set to make the socket fail, as a network does. */
let cut = false
let sockets = []

before(async () => {
  config = settings()
  browser = await launch()
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
  })
  page = await context.newPage()
  page.setDefaultTimeout(20_000)
  problems = watch(page, new URL(config.url).origin)
  await page.routeWebSocket('**/api/ws/metrics', (socket) => {
    if (cut) return void socket.close({ code: 1012, reason: 'test' })
    sockets.push(socket)
    socket.connectToServer()
  })
})

after(async () => {
  await browser?.close()
})

async function open(path) {
  await page.goto(`${config.url}${path}`)
}

test('a wrong password is refused and says so', async () => {
  await open('/settings')
  await page.waitForURL(/\/login\?redirect=/)
  await page.getByLabel('User name').fill(config.username)
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Log in' }).click()
  await until('an error is shown', 10, async () =>
    /wrong/.test(await page.getByRole('alert').innerText()),
  )
})

test('the right password leads to the page that was asked for', async () => {
  await page.getByLabel('Password').fill(config.password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.waitForURL(`${config.url}/settings`)
  await page.getByTestId('collectors').waitFor()
})

test('the dashboard is live', async () => {
  await open('/')
  await waitLive(page)
  await page.getByTestId('tile').first().waitFor()
  await until('a sample is shown', 20, async () =>
    /\d\d:\d\d:\d\d/.test(await page.getByTestId('last-sample').innerText()),
  )
})

test(
  'every section shows numbers that change, and CPU usage follows the load',
  { timeout: 150_000 },
  async () => {
    const cpuTile = page
      .getByTestId('tile')
      .filter({ has: page.getByRole('heading', { name: 'CPU', exact: true }) })
    const usage = async () => Number(/([\d.]+)\s*%/.exec(await cpuTile.innerText())?.[1] ?? NaN)
    await until('CPU usage is shown', 30, async () => !Number.isNaN(await usage()))
    const idle = await usage()
    const before = new Map()
    for (const type of metricTypes) before.set(type, (await numbersOf(page, type)).join())

    const stop = loadHost()
    try {
      await until('CPU usage has risen', 40, async () => (await usage()) > Math.min(idle + 15, 90))
      for (const type of metricTypes) {
        await until(`${type} has changed or says why not`, 40, async () => {
          const now = await numbersOf(page, type)
          if (now.length > 0 && now.join() !== before.get(type)) return true
          const notices = await section(page, type)
            .getByTestId('missing')
            .locator('li')
            .allInnerTexts()
          return now.length === 0 && notices.some((notice) => notice.length > 0)
        })
      }
    } finally {
      stop()
    }
  },
)

test('there is no hole after a page load', async () => {
  const loadedAt = Date.now()
  await page.reload()
  await waitLive(page)
  const times = await until('the minutes before the load are there', 40, async () => {
    if ((await page.locator('[data-panel="cpu-load"]').count()) === 0) return false
    const found = await timesOf(page, 'Load average')
    return found.filter((time) => time < loadedAt).length >= 3 && found
  })
  assert.ok(largestGap(times) < 2.5, `largest gap: ${largestGap(times)} ticks`)
})

test('a lost connection comes back, and leaves no hole', { timeout: 120_000 }, async () => {
  const interval = await tick()
  cut = true
  await sockets.at(-1).close({ code: 1012, reason: 'test' })
  const lostAt = Date.now()
  await page.locator('[data-testid=connection][data-state=reconnecting]').waitFor()
  await page.waitForTimeout(interval * 2.2)
  cut = false
  await page.getByTestId('connection').click()
  await waitLive(page)
  await until('the time without a connection is filled', 60, async () => {
    const times = (await timesOf(page, 'Load average')).filter(
      (time) => time > lostAt - 3 * interval,
    )
    return times.at(-1) > lostAt + 2 * interval && largestGap(times) < 1.6
  })
})

/** The usual distance of two samples, from the page itself. */
async function tick() {
  const text = await page.getByTestId('last-sample').innerText()
  const [, number, unit] = /every ([\d.]+)\s*(ms|s)/.exec(text) ?? []
  assert.ok(number, `no interval in "${text}"`)
  return Number(number) * (unit === 's' ? 1000 : 1)
}

/** In ticks, so that it holds for every interval. */
function largestGap(times) {
  const gaps = times.slice(1).map((time, index) => time - times[index])
  const usual = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)]
  return Math.max(...gaps) / usual
}

test('history shows points, and every chart can be taken along', async () => {
  await open('/history?type=cpu&range=15m')
  await page.locator('[data-panel="cpu-usage"] canvas').waitFor()
  assert.ok((await timesOf(page, 'Usage')).length >= 3)
  const png = await downloadOf(page, 'Usage as PNG')
  assert.equal(png.subarray(1, 4).toString('latin1'), 'PNG')
  assert.ok(png.length > 5000, `a picture of ${png.length} bytes`)
})

const zoomOf = () => new URL(page.url()).searchParams.get('zoom_from')
const shownRange = () => page.getByTestId('shown-range').locator('p').first().innerText()

test('a drag zooms all charts, keeps the URL in step, and a reload shows the same picture', async () => {
  const chart = page.locator('[data-panel="cpu-usage"] canvas').first()
  await chart.scrollIntoViewIfNeeded()
  const box = await chart.boundingBox()
  const whole = await shownRange()
  await page.mouse.move(box.x + box.width * 0.55, box.y + box.height * 0.4)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.75, box.y + box.height * 0.6, { steps: 6 })
  await page.mouse.up()
  await until('the zoom is in the URL', 10, async () => zoomOf() !== null)
  const zoomed = await shownRange()
  assert.notEqual(zoomed, whole)

  const url = page.url()
  await page.reload()
  await page.locator('[data-panel="cpu-usage"] canvas').waitFor()
  assert.equal(await shownRange(), zoomed)
  assert.equal(page.url(), url)
})

test('the wheel zooms further, the button resets', async () => {
  const chart = page.locator('[data-panel="cpu-usage"] canvas').first()
  await chart.scrollIntoViewIfNeeded()
  const before = zoomOf()
  const box = await chart.boundingBox()
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5)
  await page.keyboard.down('Control')
  await page.mouse.wheel(0, -240)
  await page.keyboard.up('Control')
  await until('the wheel has zoomed', 10, async () => zoomOf() !== before)
  await page.getByTestId('zoom-reset').click()
  await until('the zoom has left the URL', 10, async () => zoomOf() === null)
})

test('two periods are compared with averages and change', async () => {
  const now = Date.now()
  const iso = (ago) => new Date(now - ago * 60_000).toISOString()
  await open(
    `/history?type=cpu&from=${iso(5)}&to=${iso(0)}&compare_from=${iso(10)}&compare_until=${iso(5)}`,
  )
  const row = page.locator('[data-panel="cpu-usage"] tbody tr').first()
  await row.waitFor()
  assert.match(await row.innerText(), /[\d.]+\s*%/)
})

test('a comparison lists what changed, and leads to its chart', async () => {
  const now = Date.now()
  const iso = (ago) => new Date(now - ago * 1000).toISOString()
  const halves = `from=${iso(15)}&to=${iso(0)}&compare_from=${iso(30)}&compare_until=${iso(15)}`
  const list = page.getByTestId('changes')
  const answered = page.waitForResponse(/\/api\/history\/changes/)
  await open(`/history?type=cpu&${halves}`)
  const real = await (await answered).json()
  await until('the list has an answer', 10, async () => {
    const text = await list.innerText()
    return text.includes(`${real.changed} of ${real.series} series changed`)
  })
  // Whether this host changed in these seconds is chance; from here on it did.
  const figures = (median) => ({ points: 15, median, p95: median })
  // A series that no panel draws.
  const path = 'memory.kernel_stack_bytes'
  const moved = { path, unit: 'bytes', help: 'Stacks.', moved: 'median' }
  const change = {
    ...moved,
    direction: 'up',
    effect: 24,
    cliffs_delta: 1,
    change_percent: 200,
    before: figures(2 ** 20),
    after: figures(3 * 2 ** 20),
  }
  const given = { ...real, changed: 1, changes: [change], appeared: [], disappeared: [] }
  await page.route('**/api/history/changes?*', (route) => route.fulfill({ json: given }))
  await page.reload()
  const link = list.getByRole('link', { name: path })
  await link.waitFor()
  const row = await list.locator('tbody tr').innerText()
  for (const part of ['1.00\u00a0MiB', '3.00\u00a0MiB', '+200', '+24.0'])
    assert.ok(row.includes(part), row)
  // As without a mouse.
  await link.focus()
  await page.keyboard.press('Enter')
  await page.locator('[data-panel="series"] canvas').waitFor()
  const query = new URL(page.url()).searchParams
  assert.deepEqual([query.get('type'), query.get('series')], ['memory', path])
  assert.equal(query.get('compare_from'), iso(30), 'the periods stay')
  await page.reload()
  await page.locator('[data-panel="series"] canvas').waitFor()
  await page.getByTestId('series').getByRole('button', { name: 'Close' }).click()
  await until('the series has left the URL', 10, () => !page.url().includes('series='))
  await page.unroute('**/api/history/changes?*')
})

test('a comparison with an empty period says so', async () => {
  const now = new Date().toISOString()
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString()
  const empty = 'compare_from=2001-01-01T00:00:00.000Z&compare_until=2001-01-01T01:00:00.000Z'
  await open(`/history?type=cpu&from=${hourAgo}&to=${now}&${empty}`)
  await until(
    'the note is shown',
    15,
    async () => (await page.getByTestId('compare-note').innerText()).length > 10,
  )
})

test('settings name each collector, and why something is missing', async () => {
  await open('/settings')
  for (const type of metricTypes) {
    const collector = page.locator(`[data-collector="${type}"]`)
    await collector.waitFor()
    const text = await collector.innerText()
    if (/unavailable|failed|partial/.test(text)) {
      const reasons = await collector.locator('li').allInnerTexts()
      assert.ok(
        reasons.length > 0 && reasons.every((reason) => reason.length > 5),
        `${type} gives no reason: ${text}`,
      )
    }
  }
})

test('changing one field of the retention policy keeps the others', async () => {
  const labels = [
    'Full resolution for (days)',
    'Downsampled kept for (days)',
    'At most (GiB, empty for no bound)',
  ]
  const read = async () => {
    await page.getByTestId('retention').waitFor()
    const values = await Promise.all(labels.map((label) => page.getByLabel(label).inputValue()))
    return [...values, await page.getByLabel(/^Then one average/).inputValue()]
  }
  const save = async (days) => {
    await page.getByLabel(labels[0]).fill(days)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved.').waitFor()
  }
  const before = await read()
  const next = String(Number(before[0]) + 1)
  await page.getByLabel(labels[0]).fill(next)
  // A daemon that has just begun does not know how much; that it was asked is enough.
  await until('the forecast follows what is typed', 10, async () =>
    (await page.getByTestId('forecast').innerText()).startsWith('With these values:'),
  )
  await save(next)
  await page.reload()
  assert.deepEqual(await read(), [next, ...before.slice(1)])
  await save(before[0])
})

test('the clean-up reports what it did', async () => {
  await page.getByRole('button', { name: 'Run clean-up now' }).click()
  await page.getByTestId('cleanup-report').waitFor()
  assert.match(await page.getByTestId('cleanup-report').innerText(), /Frames deleted/)
})

test('the theme is switched and remembered', async () => {
  const theme = () => page.locator('html').getAttribute('data-theme')
  await page.getByRole('button', { name: 'Dark', exact: true }).click()
  assert.equal(await theme(), 'dark')
  await page.reload()
  assert.equal(await theme(), 'dark')
  await page.getByRole('button', { name: 'System', exact: true }).click()
  assert.equal(await theme(), 'light')
})

test(
  'nothing is wider than the window, in both themes and at both widths',
  { timeout: 180_000 },
  async () => {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      for (const width of [1440, 390]) {
        await page.setViewportSize({ width, height: 900 })
        for (const [name, path] of Object.entries(views)) {
          await open(path)
          await waitLive(page)
          await page.waitForTimeout(800)
          await screenshot(page, `${name}-${colorScheme}-${width}`)
          assert.ok((await widthOverflow(page)) <= 0, `${name} is too wide at ${width}`)
        }
      }
    }
  },
)

test('logging out leads to the log-in page, and back', async () => {
  await open('/settings')
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.waitForURL(/\/login/)
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 })
      await screenshot(page, `login-${colorScheme}-${width}`)
      assert.ok((await widthOverflow(page)) <= 0)
    }
  }
  await open('/history')
  await page.waitForURL(/\/login\?redirect=/)
  await logIn(page, config, '/history?type=memory')
  await page.waitForURL(/type=memory/)
})

test('a session that the server ends leads to the log-in page and keeps the way back', async () => {
  await waitLive(page)
  await sockets.at(-1).close({ code: 4001, reason: 'test' })
  await page.waitForURL(/\/login\?redirect=.*memory/)
})

test('no error was logged, and nobody else was asked for anything', () => {
  assert.deepEqual(problems, [])
})
