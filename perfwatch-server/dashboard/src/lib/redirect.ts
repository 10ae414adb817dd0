/** Only a path of this application: a link must not lead a fresh login elsewhere. */
export function safeTarget(value: unknown): string {
  return typeof value === 'string' && /^\/(?![/\\])/.test(value) ? value : '/'
}
