//! The loop around each library: as fast as it goes, or once a second.

use std::{
    error::Error,
    thread,
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{Usage, UsageWho, getrusage},
    time::TimeValLike,
};

/// Rounds before the clock starts: files are opened, buffers grown.
const WARM_UP: u32 = 20;

/// What every loop here gives back.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Runs `<program> hot|paced <seconds>` and prints `<samples> <user µs> <system µs>`.
///
/// `sample` says how many values it saw, so that no library wins by reading nothing.
///
/// # Errors
/// What the library says, wrong arguments, or a sample that saw nothing.
pub fn run(mut sample: impl FnMut() -> Outcome<u64>) -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let pause = match arguments.next().as_deref() {
        Some("hot") => Duration::ZERO,
        Some("paced") => Duration::from_secs(1),
        _ => return Err("usage: hot|paced <seconds>".into()),
    };
    let seconds: f64 = arguments.next().ok_or("how many seconds?")?.parse()?;
    for _ in 0..if pause.is_zero() { WARM_UP } else { 1 } {
        sample()?;
    }
    let before = getrusage(UsageWho::RUSAGE_SELF)?;
    let samples = repeat(Duration::from_secs_f64(seconds), pause, &mut sample)?;
    let (user, system) = since(&before, &getrusage(UsageWho::RUSAGE_SELF)?);
    println!("{samples} {user} {system}");
    Ok(())
}

/// Samples at absolute deadlines until the time is over; says how often.
fn repeat(
    time: Duration,
    pause: Duration,
    sample: &mut impl FnMut() -> Outcome<u64>,
) -> Outcome<u64> {
    let start = Instant::now();
    let mut deadline = start;
    let mut samples = 0;
    while start.elapsed() < time {
        if sample()? == 0 {
            return Err("a sample saw nothing".into());
        }
        samples += 1;
        deadline += pause;
        thread::sleep(deadline.saturating_duration_since(Instant::now()));
    }
    Ok(samples)
}

fn since(before: &Usage, after: &Usage) -> (i64, i64) {
    let user = after.user_time().num_microseconds() - before.user_time().num_microseconds();
    let system = after.system_time().num_microseconds() - before.system_time().num_microseconds();
    (user, system)
}
