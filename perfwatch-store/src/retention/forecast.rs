//! How much a policy will take, from what its frames took so far.

use super::DAY_MS;
use crate::{RetentionPolicy, Usage};

/// What a downsampled frame takes, in frames at full resolution, as long as there is none to
/// measure: it has five figures in the place of one, and its neighbours are less alike. Measured on
/// a busy host, 5 minutes of frames of 5 s (60 frames) become a tenth of their size.
const USUAL_RATIO: f64 = 6.0;

/// The size of a store that has become as old as its policy lets it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// All of it: both tiers, and what the store needs besides, as it is now.
    pub bytes: u64,
    /// The frames at full resolution, before `max_bytes` takes any of them.
    pub full_bytes: u64,
    /// The downsampled frames, likewise.
    pub downsampled_bytes: u64,
    /// Whether downsampled frames were there to measure.
    pub downsampled_measured: bool,
    /// Whether `max_bytes` keeps less than the days say.
    pub limited: bool,
    /// When it is reached, in milliseconds since 1970 (UTC), if frames go on without a pause.
    pub reached_ms: i64,
}

/// What the policy takes if each host has so many frames at full resolution per day; nothing while
/// no frame is packed yet (the first hour or two).
pub fn forecast(
    usage: &Usage,
    policy: &RetentionPolicy,
    frames_per_day: &[f64],
) -> Option<Forecast> {
    let frame = usage.packed.frame_bytes()?;
    let measured = usage.packed_downsampled.frame_bytes();
    let intervals = DAY_MS as f64 / policy.interval_ms().max(1) as f64;
    let coarse: f64 = frames_per_day.iter().map(|frames| frames.min(intervals)).sum();
    let growth = Growth {
        full_days: f64::from(policy.full_resolution_days.min(policy.downsampled_days)),
        days: f64::from(policy.downsampled_days),
        full_a_day: frames_per_day.iter().sum::<f64>() * frame,
        coarse_a_day: coarse * measured.unwrap_or(frame * USUAL_RATIO),
    };
    let besides = usage.bytes.saturating_sub(usage.packed.bytes + usage.packed_downsampled.bytes);
    let room = policy.max_bytes.map(|most| most.saturating_sub(besides) as f64);
    let whole = growth.full() + growth.coarse();
    let limited = room.is_some_and(|room| room < whole);
    let kept = room.filter(|_| limited).unwrap_or(whole);
    let days = if limited { growth.days_until(kept) } else { growth.days };
    Some(Forecast {
        bytes: (besides as f64 + kept) as u64,
        full_bytes: growth.full() as u64,
        downsampled_bytes: growth.coarse() as u64,
        downsampled_measured: measured.is_some(),
        limited,
        reached_ms: usage.oldest_ms?.saturating_add((days * DAY_MS as f64) as i64),
    })
}

/// A store grows by frames at full resolution until the first of them are downsampled, then by
/// downsampled ones until the first of those are deleted.
struct Growth {
    full_days: f64,
    days: f64,
    full_a_day: f64,
    coarse_a_day: f64,
}

impl Growth {
    fn full(&self) -> f64 {
        self.full_a_day * self.full_days
    }

    fn coarse(&self) -> f64 {
        self.coarse_a_day * (self.days - self.full_days)
    }

    /// How many days pass until there are so many bytes, which are fewer than all.
    fn days_until(&self, bytes: f64) -> f64 {
        if bytes <= self.full() {
            return bytes / self.full_a_day;
        }
        self.full_days + (bytes - self.full()) / self.coarse_a_day
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::TierUsage;

    const MIB: u64 = 1 << 20;

    /// 200 bytes a frame and 1,000 a downsampled one, 1 MiB besides, since day 100.
    fn usage() -> Usage {
        Usage {
            bytes: 1_200_000 + MIB,
            packed: TierUsage { frames: 1000, bytes: 200_000 },
            packed_downsampled: TierUsage { frames: 1000, bytes: 1_000_000 },
            oldest_ms: Some(100 * DAY_MS),
            ..Usage::default()
        }
    }

    fn policy(full: u32, all: u32, max_bytes: Option<u64>) -> RetentionPolicy {
        RetentionPolicy {
            full_resolution_days: full,
            downsample_interval: Duration::from_secs(300),
            downsampled_days: all,
            max_bytes,
        }
    }

    /// A frame each 5 s.
    fn of(usage: &Usage, policy: &RetentionPolicy) -> Forecast {
        forecast(usage, policy, &[17_280.0]).unwrap()
    }

    #[test]
    fn both_tiers_and_what_is_besides_are_counted() {
        let found = of(&usage(), &policy(30, 365, None));
        assert_eq!(found.full_bytes, 30 * 17_280 * 200);
        assert_eq!(found.downsampled_bytes, 335 * 288 * 1000);
        assert_eq!(found.bytes, found.full_bytes + found.downsampled_bytes + MIB);
        assert_eq!(found.reached_ms, 465 * DAY_MS);
        assert!(found.downsampled_measured && !found.limited);
    }

    #[test]
    fn a_bound_is_reached_earlier() {
        let day = 17_280 * 200;
        let found = of(&usage(), &policy(30, 365, Some(MIB + 10 * day)));
        assert_eq!((found.bytes, found.limited), (MIB + 10 * day, true));
        assert_eq!(found.reached_ms, 110 * DAY_MS);
        let later = of(&usage(), &policy(30, 365, Some(MIB + 30 * day + 5 * 288 * 1000)));
        assert_eq!(later.reached_ms, 135 * DAY_MS, "five days of downsampled frames fit");
        assert!(!of(&usage(), &policy(30, 365, Some(1 << 40))).limited);
    }

    #[test]
    fn what_is_not_stored_yet_is_guessed_or_left_open() {
        let young = Usage { packed_downsampled: TierUsage::default(), ..usage() };
        let found = of(&young, &policy(30, 31, None));
        assert_eq!(found.downsampled_bytes, 288 * 1200);
        assert!(!found.downsampled_measured);
        let newborn = Usage { packed: TierUsage::default(), ..young };
        assert_eq!(forecast(&newborn, &policy(30, 365, None), &[17_280.0]), None);
    }

    #[test]
    fn frames_farther_apart_than_the_interval_stay_as_many() {
        let found = forecast(&usage(), &policy(0, 1, None), &[24.0]).unwrap();
        assert_eq!((found.full_bytes, found.downsampled_bytes), (0, 24 * 1000));
        let mixed = forecast(&usage(), &policy(1, 2, None), &[17_280.0, 24.0]).unwrap();
        assert_eq!(mixed.full_bytes, (17_280 + 24) * 200);
        assert_eq!(mixed.downsampled_bytes, (288 + 24) * 1000);
    }
}
