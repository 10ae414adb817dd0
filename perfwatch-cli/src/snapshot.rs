//! `perfwatch snapshot`: metrics of this host or of a daemon, once or repeatedly.

mod local;
mod remote;

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{args::SnapshotArgs, screen::Screen};
use local::LocalHost;
use remote::RemoteHost;

pub(crate) fn run(args: &SnapshotArgs, screen: &mut Screen) -> Result<()> {
    let now = Instant::now();
    match &args.server {
        Some(url) => {
            let host = RemoteHost::open(url, args)?;
            repeat(args, now, || host.show(args.format, screen))
        }
        None => {
            let mut host = LocalHost::open(&args.paths.roots());
            // The first rate needs a second reading.
            repeat(args, host.read_at() + args.interval, || host.show(args.format, screen))
        }
    }
}

/// Calls `show` at absolute deadlines. One that passed is not made up for.
fn repeat(args: &SnapshotArgs, first: Instant, mut show: impl FnMut() -> Result<()>) -> Result<()> {
    let mut deadline = first;
    for _ in 0..args.count.max(1) {
        thread::sleep(deadline.saturating_duration_since(Instant::now()));
        show()?;
        deadline = following(deadline, args.interval);
    }
    Ok(())
}

fn following(deadline: Instant, interval: Duration) -> Instant {
    let late = deadline.elapsed().as_nanos() / interval.as_nanos().max(1);
    deadline + interval.saturating_mul(u32::try_from(late + 1).unwrap_or(1))
}
