import { expect, it } from 'vitest'
import { safeTarget } from './redirect'

it.each([
  ['/history?type=cpu', '/history?type=cpu'],
  ['//evil.example', '/'],
  ['/\\evil.example', '/'],
  ['https://evil.example', '/'],
  [undefined, '/'],
  [['/a'], '/'],
])('a login that asks for %j leads to %s', (value, target) => {
  expect(safeTarget(value)).toBe(target)
})
