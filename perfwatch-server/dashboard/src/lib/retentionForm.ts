/** Between the retention policy and the form that edits it. */
import type { RetentionAnswer, RetentionUpdate, RetentionPolicy } from '@/api/types'
import { DAY, HOUR } from './time'

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

export interface DiskEstimate {
  perDay: number
  /** At full resolution, once the policy's days are filled. */
  full: number
}

/** What the policy will need if hosts go on as they did; null while too little is stored to say. */
export function estimate(usage: RetentionAnswer['usage'], days: number): DiskEstimate | null {
  const span = Date.parse(usage.newest ?? '') - Date.parse(usage.oldest ?? '')
  if (!(span >= HOUR) || usage.downsampled_frames > 0) return null
  const perDay = usage.bytes / (span / DAY)
  return { perDay, full: perDay * days }
}
