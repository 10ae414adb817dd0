/** What the tests of components share: a component as the text that it shows, without a browser. */
import { vi } from 'vitest'
import { type Component, createSSRApp } from 'vue'
import { renderToString } from 'vue/server-renderer'

/** The theme is written into the document, which there is none of. */
export function stubDocument(): void {
  vi.stubGlobal('document', { documentElement: { dataset: {} } })
}

/** All text of a component, in one line. */
export async function textOf(component: Component, props: object = {}): Promise<string> {
  const html = await renderToString(createSSRApp(component, { ...props }))
  return html
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
