//! The `heim` crate: CPU, load, memory, swap, disks, interfaces. It reads no TCP counters and no
//! pressure.

use futures::{TryStreamExt, executor::block_on};
use heim::{
    cpu::{self, os::unix::loadavg},
    disk, memory, net,
    units::{information::byte, ratio::ratio},
};
use side_by_side_loops::{Outcome, run};

fn main() -> Outcome {
    run(|| block_on(sample()))
}

async fn sample() -> Outcome<u64> {
    let mut seen = memory::memory().await?.total().get::<byte>();
    seen += memory::swap().await?.total().get::<byte>();
    seen += loadavg().await?.0.get::<ratio>() as u64;
    cpu::time().await?;
    seen += cpu::times().await?.try_collect::<Vec<_>>().await?.len() as u64;
    seen += disk::io_counters().await?.try_collect::<Vec<_>>().await?.len() as u64;
    seen += net::io_counters().await?.try_collect::<Vec<_>>().await?.len() as u64;
    Ok(seen)
}
