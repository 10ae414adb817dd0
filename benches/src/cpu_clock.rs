//! CPU time, which other programs on the machine disturb less than time on the wall.

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};

/// CPU time of the calling thread in nanoseconds.
///
/// # Errors
/// If the system has no such clock.
pub fn thread_cpu_ns() -> Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).context("no CPU clock")?;
    Ok(u64::try_from(time.tv_sec())? * 1_000_000_000 + u64::try_from(time.tv_nsec())?)
}
