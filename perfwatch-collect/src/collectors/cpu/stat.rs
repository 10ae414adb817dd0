//! The parser of `/proc/stat` (proc_stat(5)).

use perfwatch_core::{Block, FieldId, RowMut};

use super::{cores, host};
use crate::{
    granule::tick_us,
    parse::{Numbers, ParseError, lines, number, words},
};

/// The time fields in the order of the kernel's columns; the host's table and the cores' begin
/// with the same ones.
const TIMES: [FieldId; 10] = [
    host::user,
    host::nice,
    host::system,
    host::idle,
    host::iowait,
    host::irq,
    host::softirq,
    host::steal,
    host::guest,
    host::guest_nice,
];

/// Fills the host's row and one row per core. Unknown lines are skipped.
pub(super) fn parse(bytes: &[u8], host: &mut Block, cores: &mut Block) -> Result<(), ParseError> {
    for (index, line) in lines(bytes)?.enumerate() {
        let name = words(line).next().unwrap_or_default();
        let numbers = Numbers::of(line.get(name.len()..).unwrap_or_default());
        match name.strip_prefix(b"cpu") {
            Some([]) => times(&mut host.host_row(), numbers, index)?,
            Some(id) => {
                let id = core_name(id).ok_or(ParseError::at(index, "expected a CPU number"))?;
                let mut row = cores.push_row(id);
                times(&mut row, numbers, index)?;
                row.set_flag(cores::online, true);
            }
            None => event(&mut host.host_row(), name, numbers),
        }
    }
    if host.keys().is_empty() {
        return Err(ParseError { line: 0, reason: "expected a line `cpu`" });
    }
    host.host_row().set(host::online_cores, cores.keys().len() as u64);
    Ok(())
}

fn core_name(id: &[u8]) -> Option<&str> {
    number(id).and_then(|_| std::str::from_utf8(id).ok())
}

fn times(row: &mut RowMut<'_>, mut numbers: Numbers<'_>, index: usize) -> Result<(), ParseError> {
    let mut ticks = [0_u64; 10];
    let mut seen = 0;
    for (slot, number) in ticks.iter_mut().zip(&mut numbers) {
        *slot = number;
        seen += 1;
    }
    if seen < ticks.len() && !numbers.at_end() {
        return Err(ParseError::at(index, "expected a number of clock ticks"));
    }
    // Kernels before 2.6.33 have fewer columns, none fewer than these.
    if seen < 4 {
        return Err(ParseError::at(index, "expected at least four times"));
    }
    let [user, nice, .., guest, guest_nice] = &mut ticks;
    // The kernel counts guests a second time inside user and nice.
    *user = user.saturating_sub(*guest);
    *nice = nice.saturating_sub(*guest_nice);
    let tick = tick_us();
    for (&field, ticks) in TIMES.iter().zip(ticks) {
        row.set(field, ticks.saturating_mul(tick));
    }
    Ok(())
}

fn event(row: &mut RowMut<'_>, name: &[u8], mut numbers: Numbers<'_>) {
    let field = match name {
        b"ctxt" => host::context_switches,
        b"intr" => host::interrupts,
        b"softirq" => host::softirqs,
        b"processes" => host::forks,
        b"procs_running" => host::tasks_running,
        b"procs_blocked" => host::tasks_blocked,
        _ => return,
    };
    // A count of tasks can be below zero for a moment, which the kernel shows as 2^32 or 2^64
    // less that much.
    let tasks = field == host::tasks_running || field == host::tasks_blocked;
    row.set_opt(field, numbers.next().filter(|&value| !tasks || value < 1 << 31));
}
