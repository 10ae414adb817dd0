// Two daemons on two hosts and one store, which scripts/two-hosts.sh starts. HOSTS names them:
// `NAME=URL=INTERFACE`, separated by spaces. The tests build on each other, in order.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { launch, logIn, screenshot, until, waitLive, watch, widthOverflow } from './browser.mjs'

const interval = 1000
const username = 'admin'
const password = process.env.PERFWATCH_PASSWORD
const hosts = process.env.HOSTS.split(' ').map((text) => {
  const [name, url, nic] = text.split('=')
  return { name, url, nic }
})
const [here, there] = hosts
const minute = 60_000
const iso = (ago) => new Date(Date.now() - ago).toISOString()

let browser
let page
let problems

before(async () => {
  browser = await launch()
  const viewport = { width: 1440, height: 900 }
  page = await (await browser.newContext({ viewport, colorScheme: 'light' })).newPage()
  page.setDefaultTimeout(20_000)
  problems = watch(page, new URL(here.url).origin)
  for (const host of hosts) host.token = await tokenOf(host.url)
})

after(async () => {
  await browser?.close()
})

async function tokenOf(url) {
  const answer = await fetch(`${url}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  })
  assert.equal(answer.status, 200)
  return (await answer.json()).access_token
}

async function ask({ url, token }, path) {
  const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })
  const text = await answer.text()
  assert.equal(answer.status, 200, `${path}: ${text}`)
  return JSON.parse(text)
}

const pairs = [
  [here, there],
  [there, here],
]

test('each daemon lists both hosts as live, and tells them apart', async () => {
  for (const host of hosts) {
    const listed = await until(`${host.name} knows both`, 30, async () => {
      const answer = await ask(host, '/api/hosts')
      return answer.hosts.filter(({ state }) => state === 'live').length === 2 && answer.hosts
    })
    const names = listed.map(({ name }) => name).sort()
    assert.deepEqual(names, hosts.map(({ name }) => name).sort())
    assert.notEqual(listed[0].id, listed[1].id)
    assert.equal(listed.find(({ current }) => current).name, host.name)
  }
})

test('each daemon has the history of the other, with its own network interface', async () => {
  for (const [asked, other] of pairs) {
    const path = `/api/history/metrics?metric_type=network&host=${other.name}`
    const answer = await until(`the history of ${other.name}`, 30, async () => {
      const found = await ask(asked, path)
      return found.data_points.length > 5 && found
    })
    const interfaces = Object.keys(answer.data_points.at(-1).data.interfaces)
    assert.ok(interfaces.includes(other.nic), interfaces.join())
    assert.ok(!interfaces.includes(asked.nic), interfaces.join())
  }
})

test('each daemon compares periods of the other, and says what changed', async () => {
  await sleep(8 * interval)
  for (const [asked, other] of pairs) {
    const [start, middle, end] = [iso(10 * interval), iso(5 * interval), iso(0)]
    const compare = await ask(
      asked,
      `/api/history/compare?metric_type=cpu&host=${other.name}&start_time=${middle}&end_time=${end}` +
        `&compare_start_time=${start}&compare_end_time=${middle}`,
    )
    const usage = compare.series.find(({ path }) => path === 'cpu.usage_percent')
    for (const period of ['previous', 'current'])
      assert.ok(usage[period].filter(Number.isFinite).length >= 3, `${period}: ${usage[period]}`)
    const periods = `before_start=${start}&before_end=${middle}&after_start=${middle}&after_end=${end}`
    const changes = await ask(asked, `/api/history/changes?host=${other.name}&${periods}`)
    assert.ok(changes.series > 50, `${changes.series} series`)
  }
})

test('the live view of the other host brings a frame within two intervals', async () => {
  await logIn(page, { url: here.url, username, password })
  await waitLive(page)
  await page.getByRole('button', { name: '5 min', exact: true }).click()
  const arrivals = []
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).searchParams.get('host') !== there.name) return
    const openedAt = Date.now()
    socket.on('framereceived', ({ payload }) => {
      const message = JSON.parse(payload)
      if (message.type !== 'metrics') return
      assert.equal(message.host, there.name)
      arrivals.push({
        after: Date.now() - openedAt,
        age: Date.now() - Date.parse(message.timestamp),
      })
    })
  })
  await page.goto(`${here.url}/?host=${there.name}`)
  await waitLive(page)
  await until('frames arrive', 20, () => arrivals.length >= 10)
  const ages = arrivals.map(({ age }) => age).sort((a, b) => a - b)
  console.log(`first frame after ${arrivals[0].after} ms, ages ${ages.join(' ')} ms`)
  assert.ok(arrivals[0].after <= 2 * interval, `the first after ${arrivals[0].after} ms`)
  assert.ok(ages[Math.floor(ages.length / 2)] <= 2 * interval, `ages: ${ages}`)
  // Its interface, from the page itself.
  await until('its network interface is shown', 20, async () => {
    const text = await page.locator('[data-section=network]').innerText()
    return text.includes(there.nic) && !text.includes(here.nic)
  })
})

async function pictures(name, open) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 })
      await open()
      await screenshot(page, `${name}-${colorScheme}-${width}`)
      assert.ok((await widthOverflow(page)) <= 0, `${name} is too wide at ${width}`)
    }
  }
}

test(
  'the overview, the switch and the other dashboard in pictures',
  { timeout: 3 * minute },
  async () => {
    await pictures('overview', async () => {
      await page.goto(`${here.url}/hosts`)
      await waitLive(page)
      const rows = page.getByTestId('hosts').getByRole('link')
      await until('both are shown', 20, async () => (await rows.count()) === 2)
    })
    await pictures('dashboard-of-the-other', async () => {
      await page.goto(`${here.url}/?host=${there.name}`)
      await waitLive(page)
      await page.getByTestId('tile').first().waitFor()
    })
    await pictures('switch', async () => {
      await page.goto(`${here.url}/?host=${there.name}`)
      await waitLive(page)
      await page.getByTestId('host-switch').getByRole('button').click()
      await until(
        'both are offered',
        20,
        async () => (await page.getByRole('option').count()) === 2,
      )
    })
  },
)

test('no error was logged, and nobody else was asked for anything', () => {
  assert.deepEqual(problems, [])
})
