//! The clocks, as integers.

use nix::time::{ClockId, clock_gettime};

fn nanoseconds(clock: ClockId) -> u64 {
    // The clocks used here exist on every Linux; 0 never divides, it only means "no rate".
    let Ok(time) = clock_gettime(clock) else { return 0 };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0)
}

/// Time since some fixed moment, without steps.
pub(crate) fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::CLOCK_MONOTONIC)
}

/// How long the machine has been suspended since boot.
pub(crate) fn suspended_ns() -> u64 {
    nanoseconds(ClockId::CLOCK_BOOTTIME).saturating_sub(monotonic_ns())
}

/// Milliseconds since 1970 (UTC).
pub(crate) fn wall_ms() -> i64 {
    i64::try_from(nanoseconds(ClockId::CLOCK_REALTIME) / 1_000_000).unwrap_or(0)
}

/// CPU time of the calling thread.
pub(crate) fn thread_cpu_ns() -> u64 {
    nanoseconds(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time of the process.
pub(crate) fn process_cpu_ns() -> u64 {
    nanoseconds(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}
