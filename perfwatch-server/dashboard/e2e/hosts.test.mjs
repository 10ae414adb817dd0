// Three hosts in one store: this one, and two of which only the store knows. The tests build on each
// other, in order.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  launch,
  logIn,
  screenshot,
  settings,
  timesOf,
  until,
  waitLive,
  watch,
  widthOverflow,
} from './browser.mjs'
import { hostile } from './other-hosts.mjs'

let config
let browser
let page
let problems

before(async () => {
  config = settings()
  browser = await launch()
  const viewport = { width: 1440, height: 900 }
  page = await (await browser.newContext({ viewport, colorScheme: 'light' })).newPage()
  page.setDefaultTimeout(20_000)
  page.on('dialog', (dialog) => problems.push(`a dialog: ${dialog.message()}`))
  problems = watch(page, new URL(config.url).origin)
})

after(async () => {
  await browser?.close()
})

const chosen = () => new URL(page.url()).searchParams.get('host')
const table = () => page.getByTestId('hosts')
const switcher = () => page.getByTestId('host-switch')
const cpu = () =>
  page.getByTestId('tile').filter({ has: page.getByRole('heading', { name: 'CPU', exact: true }) })

test('the overview has all hosts, the busy one before the idle one', async () => {
  await logIn(page, config, '/hosts')
  await table().waitFor()
  const names = await table().getByRole('link').allInnerTexts()
  assert.equal(names.length, 3)
  assert.ok(names.indexOf('db1') < names.indexOf(hostile), names.join())
  const row = table().getByRole('row').filter({ hasText: 'db1' })
  const text = await row.innerText()
  for (const part of ['Live', '93.', '40.0', '1.3', 'ago']) assert.ok(text.includes(part), text)
  const own = await table().getByRole('row').filter({ hasText: 'this host' }).innerText()
  assert.match(own, /\d+\.\d+\.\d+/, 'its version')
})

test('what is typed narrows the list', async () => {
  await page.getByLabel('Filter by name').fill('DB')
  await until('one is left', 10, async () => (await table().getByRole('link').count()) === 1)
  await page.getByLabel('Filter by name').fill('<IMG')
  await until('a hostile name is text', 10, async () =>
    (await table().innerText()).includes(hostile),
  )
  await page.getByLabel('Filter by name').fill('')
})

test('a click leads to the dashboard of that host', async () => {
  await table().getByRole('link', { name: 'db1' }).click()
  await until('the host is in the address', 10, () => chosen() === 'db1')
  await until('its numbers are shown', 20, async () => /93\.\d/.test(await cpu().innerText()))
  await until('and its last minutes', 20, async () => {
    if ((await page.locator('[data-panel="cpu-load"]').count()) === 0) return false
    return (await timesOf(page, 'Load average')).length >= 30
  })
  assert.match(await switcher().innerText(), /db1/)
})

test('the other pages are about the same host', async () => {
  const opened = []
  const note = (socket) => opened.push(socket.url())
  page.on('websocket', note)
  await page.getByRole('link', { name: 'History', exact: true }).click()
  await page.waitForURL(/\/history/)
  assert.equal(chosen(), 'db1')
  await page.locator('[data-panel="cpu-load"] canvas').waitFor()
  assert.ok((await timesOf(page, 'Load average')).length >= 30)
  await page.reload()
  await page.locator('[data-panel="cpu-load"] canvas').waitFor()
  await page.getByRole('link', { name: 'Settings', exact: true }).click()
  await page.getByTestId('collectors').waitFor()
  await page.getByRole('link', { name: 'Dashboard', exact: true }).click()
  await until('the way back leads to it', 10, () => chosen() === 'db1')
  page.off('websocket', note)
  assert.equal(opened.length, 1, `one socket for all pages, but for the reload: ${opened}`)
})

test('the switch is used without a mouse', async () => {
  await switcher().getByRole('button').focus()
  await page.keyboard.press('Enter')
  await page.getByRole('combobox', { name: 'Find a host' }).waitFor()
  await page.keyboard.type('img')
  await until('one is left', 10, async () => (await page.getByRole('option').count()) === 1)
  await page.keyboard.press('Enter')
  await until('the other host is in the address', 10, () => chosen() === hostile)
  await until('its numbers are shown', 20, async () => /\b2\.\d/.test(await cpu().innerText()))

  await page.keyboard.press('Enter')
  await page.getByRole('combobox', { name: 'Find a host' }).waitFor()
  await page.keyboard.press('Escape')
  assert.equal(await page.getByRole('option').count(), 0)
  await switcher().getByRole('button').click()
  await page.getByRole('option').filter({ hasText: 'this host' }).click()
  await until('this host needs no name', 10, () => chosen() === null)
})

test('a host that nobody knows is said to be none', async () => {
  await page.goto(`${config.url}/?host=nobody`)
  await until('it is told', 20, async () => {
    const notice = page.getByTestId('host-notice')
    return (await notice.count()) > 0 && /no host of this name/.test(await notice.innerText())
  })
})

test('nothing is wider than the window', { timeout: 120_000 }, async () => {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 })
      await page.goto(`${config.url}/hosts`)
      await waitLive(page)
      await table().waitFor()
      await screenshot(page, `hosts-${colorScheme}-${width}`)
      assert.ok((await widthOverflow(page)) <= 0, `the overview is too wide at ${width}`)
      await page.goto(`${config.url}/?host=db1`)
      await switcher().getByRole('button').click()
      await page.getByRole('option').first().waitFor()
      await screenshot(page, `switch-${colorScheme}-${width}`)
      assert.ok((await widthOverflow(page)) <= 0, `the switch is too wide at ${width}`)
    }
  }
})

test('no error was logged, and nobody else was asked for anything', () => {
  assert.deepEqual(problems, [])
})
