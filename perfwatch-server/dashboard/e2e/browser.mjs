// What the browser tests share: the browser, the page under watch, load on the host, small readers.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'

const executablePath = '/usr/bin/chromium'
const browserArguments = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

function required(name) {
  const value = process.env[name]
  if (!value)
    throw new Error(`${name} is not set: it tells which daemon to test, and how to log in`)
  return value
}

export function settings() {
  return {
    url: required('PERFWATCH_URL').replace(/\/+$/, ''),
    username: required('PERFWATCH_USERNAME'),
    password: required('PERFWATCH_PASSWORD'),
  }
}

export async function launch() {
  if (!existsSync(executablePath)) {
    throw new Error(`${executablePath} is missing: install it with "apt-get install chromium"`)
  }
  return chromium.launch({ executablePath, args: browserArguments })
}

/** Notes what a good page never does: errors, and requests to anyone else. */
export function watch(page, origin) {
  const problems = []
  page.on('pageerror', (error) => problems.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return
    // The browser itself reports the refused log-in, which is part of the test.
    if (message.location().url.endsWith('/api/auth/login') && message.text().includes('401')) return
    problems.push(`${message.type()}: ${message.text()} (${message.location().url})`)
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (['http:', 'https:'].includes(url.protocol) && url.origin !== origin)
      problems.push(`foreign request: ${url}`)
  })
  page.on('websocket', (socket) => {
    const url = new URL(socket.url())
    if (url.host !== new URL(origin).host) problems.push(`foreign socket: ${url}`)
    url.searchParams.delete('host')
    if (url.search !== '') problems.push(`something of the session is in an address: ${url}`)
  })
  return problems
}

/** One busy loop per core and one more, so that tasks also have to wait. */
export function loadHost() {
  const loop = 'for (;;) {}'
  const children = Array.from({ length: availableParallelism() + 1 }, () =>
    spawn(process.execPath, ['-e', loop], { stdio: 'ignore' }),
  )
  return () => children.forEach((child) => child.kill('SIGKILL'))
}

export async function until(what, seconds, check) {
  const end = Date.now() + seconds * 1000
  let last
  do {
    last = await check()
    if (last) return last
    await sleep(250)
  } while (Date.now() < end)
  throw new Error(`not within ${seconds} s: ${what}`)
}

export async function logIn(page, { url, username, password }, path = '/') {
  await page.goto(`${url}${path}`)
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByTestId('connection').waitFor()
}

export async function waitLive(page) {
  await page.locator('[data-testid=connection][data-state=live]').waitFor({ timeout: 40_000 })
}

export function section(page, type) {
  return page.locator(`[data-section="${type}"]`)
}

/** The numbers that a section shows: of its legends, its tables and its cores. */
export async function numbersOf(page, type) {
  return section(page, type).locator('[data-value], td, [data-testid=cores] li').allInnerTexts()
}

export async function downloadOf(page, name) {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name, exact: true }).click(),
  ])
  return readFile(await download.path())
}

/** The times of a panel's points, from its CSV. */
export async function timesOf(page, title) {
  const text = (await downloadOf(page, `${title} as CSV`)).toString('utf8')
  const lines = text.trim().split('\r\n').slice(1)
  return lines
    .filter((line) => /,[\d.-]+/.test(line.replace(/^[^,]*,\d+/, '')))
    .map((line) => Number(line.split(',')[1]))
}

export async function widthOverflow(page) {
  return page.evaluate(() => document.scrollingElement.scrollWidth - window.innerWidth)
}

/** Scrolls through the page once, because charts are drawn when they come into view. */
async function scrollThrough(page) {
  const height = await page.evaluate(() => document.documentElement.scrollHeight)
  for (let top = 0; top < height; top += 600) {
    await page.evaluate((y) => window.scrollTo(0, y), top)
    await sleep(120)
  }
  await page.evaluate(() => window.scrollTo(0, 0))
  await sleep(200)
}

export async function screenshot(page, name) {
  await scrollThrough(page)
  const { SCREENSHOT_DIR: folder, SCREENSHOT_ONLY: only } = process.env
  if (!folder || (only && !only.split(' ').includes(name))) return
  mkdirSync(folder, { recursive: true })
  // SCREENSHOT_FOLD=1: only what a window shows, as README has it.
  const fullPage = !process.env.SCREENSHOT_FOLD
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage })
}
