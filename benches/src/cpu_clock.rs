//! CPU time, which other programs on the machine disturb less than time on the wall.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        time::TimeVal,
    },
    time::{ClockId, clock_gettime},
};

/// CPU time of the calling thread in nanoseconds.
///
/// # Errors
/// If the system has no such clock.
pub fn thread_cpu_ns() -> Result<u64> {
    nanoseconds(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time of all threads of this process in nanoseconds.
///
/// # Errors
/// If the system has no such clock.
pub fn process_cpu_ns() -> Result<u64> {
    nanoseconds(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

fn nanoseconds(clock: ClockId) -> Result<u64> {
    let time = clock_gettime(clock).context("no CPU clock")?;
    Ok(u64::try_from(time.tv_sec())? * 1_000_000_000 + u64::try_from(time.tv_nsec())?)
}

/// CPU time of all threads of this process: in its own code, and in the kernel for it.
///
/// # Errors
/// If the system does not count it.
pub fn process_cpu() -> Result<(Duration, Duration)> {
    user_and_system(UsageWho::RUSAGE_SELF)
}

/// The same of the calling thread. The kernel may know the split from its timer only: measure a
/// second or more.
///
/// # Errors
/// If the system does not count it.
pub fn thread_cpu() -> Result<(Duration, Duration)> {
    user_and_system(UsageWho::RUSAGE_THREAD)
}

fn user_and_system(who: UsageWho) -> Result<(Duration, Duration)> {
    let usage = getrusage(who).context("no account of CPU time")?;
    Ok((duration(usage.user_time())?, duration(usage.system_time())?))
}

fn duration(time: TimeVal) -> Result<Duration> {
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec())?);
    Ok(seconds + Duration::from_micros(u64::try_from(time.tv_usec())?))
}
