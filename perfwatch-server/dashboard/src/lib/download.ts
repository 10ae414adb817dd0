/** Hands a file to the browser. A blob, so that the page's policy needs no exception. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // Some browsers read the blob only after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

export function downloadText(name: string, text: string): void {
  download(name, new Blob([text], { type: 'text/csv;charset=utf-8' }))
}

export function downloadDataUrl(name: string, url: string): void {
  const [head = '', body = ''] = url.split(',')
  const bytes = Uint8Array.from(atob(body), (char) => char.charCodeAt(0))
  download(name, new Blob([bytes], { type: /data:([^;]+)/.exec(head)?.[1] ?? 'image/png' }))
}

/** A file name that every system accepts. */
export function fileName(parts: readonly string[], extension: string): string {
  const stem = parts
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
  return `${stem.replace(/^-+|-+$/g, '')}.${extension}`
}
