// README's picture of many hosts.
import { test } from 'node:test'
import { launch, logIn, screenshot, settings, waitLive } from './browser.mjs'

test('the overview of a fleet', async () => {
  const browser = await launch()
  try {
    const viewport = { width: 1440, height: 450 }
    const context = await browser.newContext({ viewport, colorScheme: 'light' })
    const page = await context.newPage()
    await logIn(page, settings(), '/hosts')
    await waitLive(page)
    await page.getByTestId('hosts').getByRole('link', { name: 'web3' }).waitFor()
    // The click on the log-in's button left it over a row.
    await page.mouse.move(1, 1)
    await screenshot(page, 'fleet-light-1440')
  } finally {
    await browser.close()
  }
})
