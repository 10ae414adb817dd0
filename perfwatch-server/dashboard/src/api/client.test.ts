import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api, ApiError, configureClient, describeError, queryString } from './client'

const unauthorized = vi.fn()
const fetched = vi.fn<typeof fetch>()

function answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = body === undefined ? null : JSON.stringify(body)
  fetched.mockResolvedValueOnce(new Response(text, { status, headers }))
}

beforeEach(() => {
  vi.stubGlobal('fetch', fetched)
  configureClient({ token: () => 'T', unauthorized })
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.clearAllMocks()
})

describe('the client', () => {
  it('sends the token in a header and never in the address', async () => {
    answer(200, { hosts: [] })
    await api.hosts()
    const [url, init] = fetched.mock.calls[0] ?? []
    expect(url).toBe('/api/hosts')
    expect(init?.headers).toMatchObject({ authorization: 'Bearer T' })
  })

  it('repeats lists and leaves out what is not given', () => {
    expect(queryString({ a: ['x,y', 'z'], b: null, c: undefined, d: 0 })).toBe('?a=x%2Cy&a=z&d=0')
    expect(queryString({})).toBe('')
  })

  it('tells where no answer can be had at the moment', async () => {
    const unavailable = vi.fn()
    configureClient({ unavailable })
    answer(422, { detail: 'wrong' })
    await expect(api.hosts()).rejects.toThrow('wrong')
    expect(unavailable).not.toHaveBeenCalled()
    answer(503, { detail: 'away' })
    await expect(api.hosts()).rejects.toThrow('away')
    fetched.mockRejectedValueOnce(new TypeError('no network'))
    await expect(api.hosts()).rejects.toThrow('cannot be reached')
    expect(unavailable).toHaveBeenCalledTimes(2)
  })

  it('asks history for columns', async () => {
    answer(200, {})
    await api.history({ metric_type: 'cpu', fields: ['cpu.usage_percent'] })
    expect(fetched.mock.calls[0]?.[0]).toBe(
      '/api/history/metrics?metric_type=cpu&fields=cpu.usage_percent&format=columns',
    )
  })

  it('reports the refused token at 401', async () => {
    answer(401, { detail: 'not authenticated' })
    await expect(api.config()).rejects.toMatchObject({ status: 401, detail: 'not authenticated' })
    expect(unauthorized).toHaveBeenCalledWith('T')
  })

  it('does not end a session that is not there', async () => {
    configureClient({ token: () => null, unauthorized })
    answer(401, { detail: 'not authenticated' })
    await expect(api.login({ username: 'a', password: 'b' })).rejects.toThrow('not authenticated')
    expect(unauthorized).not.toHaveBeenCalled()
  })

  it('says when to try again', async () => {
    answer(429, { detail: 'too many attempts' }, { 'retry-after': '30' })
    const error = await api.config().catch((problem: unknown) => problem)
    expect(describeError(error)).toBe('too many attempts (try again in 30 s)')
  })

  it('has words for a server that is away, and for one that speaks no JSON', async () => {
    fetched.mockRejectedValueOnce(new TypeError('failed'))
    await expect(api.config()).rejects.toThrow('the server cannot be reached')
    fetched.mockResolvedValueOnce(new Response('<html>', { status: 502 }))
    await expect(api.config()).rejects.toEqual(
      new ApiError(502, 'the server answered with status 502'),
    )
  })

  it('takes an empty answer', async () => {
    answer(204, undefined)
    await expect(api.logout()).resolves.toBeUndefined()
  })
})
