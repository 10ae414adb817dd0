/** Between the retention policy and the form that edits it. */
import type { RetentionPolicy, RetentionUpdate, StoreForecast } from '@/api/types'
import { formatDate } from './time'
import { formatValue } from './units'

export const GIB = 1024 ** 3

/** What is typed; an empty size means no bound. */
export interface RetentionForm {
  full_resolution_days: number
  downsample_interval: string
  downsampled_days: number
  max_gib: number | ''
}

export function toForm(policy: RetentionPolicy): RetentionForm {
  const bytes = policy.max_bytes ?? null
  return {
    full_resolution_days: policy.full_resolution_days,
    downsample_interval: policy.downsample_interval,
    downsampled_days: policy.downsampled_days,
    max_gib: bytes === null ? '' : Number((bytes / GIB).toFixed(3)),
  }
}

/** Only what differs, so that a change made elsewhere meanwhile is not undone. */
export function changesOf(form: RetentionForm, policy: RetentionPolicy): RetentionUpdate {
  const before = toForm(policy)
  const change: RetentionUpdate = {}
  if (form.full_resolution_days !== before.full_resolution_days)
    change.full_resolution_days = form.full_resolution_days
  if (form.downsample_interval !== before.downsample_interval)
    change.downsample_interval = form.downsample_interval
  if (form.downsampled_days !== before.downsampled_days)
    change.downsampled_days = form.downsampled_days
  if (form.max_gib !== before.max_gib)
    change.max_bytes = form.max_gib === '' ? null : Math.round(form.max_gib * GIB)
  return change
}

/** What a policy takes, in words; said so while too little is stored to know. */
export function forecastText(
  forecast: StoreForecast | null | undefined,
  now: number,
  zone: string,
): string {
  if (!forecast) return 'known once the first hours are packed'
  const bytes = (value: number): string => formatValue(value, 'bytes')
  const parts = `${bytes(forecast.full_bytes)} full, ${bytes(forecast.downsampled_bytes)} downsampled`
  const guess = forecast.downsampled_measured ? '' : ' (a guess)'
  const reached = Date.parse(forecast.reached)
  const when = reached > now ? `, reached on ${formatDate(reached, zone)}` : ''
  const size = `about ${bytes(forecast.bytes)}${when}`
  return forecast.limited
    ? `${size}: the bound; all days would take ${parts}${guess}`
    : `${size}: ${parts}${guess}`
}
