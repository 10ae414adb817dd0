/**
 * The one place that talks HTTP. It knows the routes and how an error looks; who is logged in and
 * what happens at a 401 is given to it, so that it needs no store.
 */
import type * as t from './types'

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    /** Seconds to wait, from `Retry-After`. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail)
    this.name = 'ApiError'
  }
}

type Query = Record<string, string | number | null | undefined | readonly string[]>

interface RequestOptions {
  query?: Query
  body?: unknown
  signal?: AbortSignal
}

interface Hooks {
  token: () => string | null
  /** Called with the refused token, which may be older than the present one. */
  unauthorized: (token: string) => void
  /** Called where no answer can be had at the moment, and may be later. */
  unavailable: () => void
}

let hooks: Hooks = {
  token: () => null,
  unauthorized: () => undefined,
  unavailable: () => undefined,
}

/** What is not given stays as it is. */
export function configureClient(given: Partial<Hooks>): void {
  hooks = { ...hooks, ...given }
}

export function queryString(query: Query): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined) continue
    // A list is repeated, because a row's name may contain a comma.
    if (typeof value === 'object') value.forEach((item) => search.append(name, item))
    else search.append(name, String(value))
  }
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as Partial<t.ErrorBody> | null
  const retryAfter = Number(response.headers.get('retry-after') ?? NaN)
  const detail = body?.detail ?? `the server answered with status ${response.status}`
  return new ApiError(response.status, detail, Number.isFinite(retryAfter) ? retryAfter : null)
}

async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const token = hooks.token()
  const headers: Record<string, string> = { accept: 'application/json' }
  if (token !== null) headers.authorization = `Bearer ${token}`
  const init: RequestInit = { method, headers, cache: 'no-store', signal: options.signal ?? null }
  if (options.body !== undefined) {
    headers['content-type'] = 'application/json'
    init.body = JSON.stringify(options.body)
  }

  let response: Response
  try {
    response = await fetch(path + queryString(options.query ?? {}), init)
  } catch (error) {
    if (options.signal?.aborted) throw error
    hooks.unavailable()
    throw new ApiError(0, 'the server cannot be reached')
  }
  if (!response.ok) {
    const error = await errorOf(response)
    if (response.status === 401 && token !== null) hooks.unauthorized(token)
    if (response.status === 503) hooks.unavailable()
    throw error
  }
  return (response.status === 204 ? undefined : await response.json()) as T
}

export const api = {
  login: (body: t.LoginRequest) => request<t.LoginResponse>('POST', '/api/auth/login', { body }),
  me: () => request<t.Me>('GET', '/api/auth/me'),
  changePassword: (body: t.PasswordChange) =>
    request<t.LoginResponse>('POST', '/api/auth/password', { body }),
  logout: () => request<undefined>('POST', '/api/auth/logout'),
  catalog: () => request<t.CatalogAnswer>('GET', '/api/metrics/catalog'),
  config: () => request<t.ConfigAnswer>('GET', '/api/config'),
  hosts: () => request<t.HostsAnswer>('GET', '/api/hosts'),
  history: (query: t.HistoryQuery, signal?: AbortSignal) =>
    request<t.HistoryColumns>('GET', '/api/history/metrics', {
      query: { ...query, format: 'columns' },
      signal,
    }),
  compare: (query: t.CompareQuery, signal?: AbortSignal) =>
    request<t.CompareAnswer>('GET', '/api/history/compare', { query, signal }),
  changes: (query: t.ChangesQuery, signal?: AbortSignal) =>
    request<t.ChangesAnswer>('GET', '/api/history/changes', { query, signal }),
  retention: () => request<t.RetentionAnswer>('GET', '/api/retention'),
  changeRetention: (body: t.RetentionUpdate) =>
    request<t.RetentionAnswer>('PUT', '/api/retention', { body }),
  forecast: (body: t.RetentionUpdate, signal?: AbortSignal) =>
    request<t.ForecastAnswer>('POST', '/api/retention/forecast', { body, signal }),
  cleanup: () => request<t.CleanupReport>('POST', '/api/retention/cleanup'),
}

/** Where the samples of a host come from; of the daemon's own where none is named. */
export function liveUrl(host: string | null): string {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
  return `${scheme}//${location.host}/api/ws/metrics${queryString({ host })}`
}

/** What to tell the user. */
export function describeError(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error)
  if (error.status === 429 && error.retryAfter !== null) {
    return `${error.detail} (try again in ${error.retryAfter} s)`
  }
  return error.detail
}
