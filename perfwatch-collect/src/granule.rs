//! What the kernel counts in: pages and clock ticks.

use std::sync::LazyLock;

use nix::unistd::{SysconfVar, sysconf};

/// Bytes of one page of memory.
pub(crate) fn page_bytes() -> u64 {
    static BYTES: LazyLock<u64> = LazyLock::new(|| ask(SysconfVar::PAGE_SIZE).unwrap_or(4096));
    *BYTES
}

/// Microseconds of one clock tick, the unit of CPU time in `/proc/stat`.
pub(crate) fn tick_us() -> u64 {
    // 100 a second is what every Linux architecture in use answers.
    static MICROSECONDS: LazyLock<u64> =
        LazyLock::new(|| 1_000_000 / ask(SysconfVar::CLK_TCK).unwrap_or(100));
    *MICROSECONDS
}

fn ask(variable: SysconfVar) -> Option<u64> {
    let answer = sysconf(variable).ok().flatten()?;
    u64::try_from(answer).ok().filter(|&answer| answer > 0)
}
