//! How often each fault is tried, and the table of what was seen.

use std::env;

/// `full` asks for the counts that `make test-faults` shows; anything else is the short form.
const LEVEL: &str = "PERFWATCH_FAULTS";

/// One of two counts: of the full form, or of the one that runs with all other tests.
pub(crate) fn count(full: u32, short: u32) -> u32 {
    if is_full() { full } else { short }
}

/// Whether this is the full form.
pub(crate) fn is_full() -> bool {
    env::var(LEVEL).is_ok_and(|level| level == "full")
}

/// A line of the table: the fault, how often it was tried, and what was seen.
pub(crate) fn report(fault: &str, times: &str, seen: &str) {
    println!("\nfault\t{fault}\t{times}\t{seen}");
}
