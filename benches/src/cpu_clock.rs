//! CPU time, which other programs on the machine disturb less than time on the wall.

use anyhow::{Context, Result};
use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        time::TimeValLike,
    },
    time::{ClockId, clock_gettime},
};

/// CPU time of the calling thread in nanoseconds.
///
/// # Errors
/// If the system has no such clock.
pub fn thread_cpu_ns() -> Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).context("no CPU clock")?;
    Ok(u64::try_from(time.tv_sec())? * 1_000_000_000 + u64::try_from(time.tv_nsec())?)
}

/// CPU time of the calling thread in user space and in the kernel, in microseconds. The kernel
/// may know this split from its timer only: measure a second or more.
///
/// # Errors
/// If the system does not tell.
pub fn user_and_system_us() -> Result<(f64, f64)> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).context("no CPU times of a thread")?;
    let microseconds = |time: nix::sys::time::TimeVal| time.num_microseconds() as f64;
    Ok((microseconds(usage.user_time()), microseconds(usage.system_time())))
}
