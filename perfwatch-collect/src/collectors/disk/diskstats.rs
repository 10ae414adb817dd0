//! The parser of `/proc/diskstats` (Documentation/admin-guide/iostats.rst).

use perfwatch_core::{Block, FieldId};

use super::{devices, host, topology::Topology};
use crate::parse::{Numbers, ParseError, lines, name};

/// A sector is this many bytes here, whatever the device's own are.
const SECTOR: u64 = 512;

/// What a column of the file is.
enum Column {
    Plain(FieldId),
    Sectors(FieldId),
    Skip,
}

use Column::{Plain, Sectors, Skip};

/// The columns behind the device's name. Discards came with Linux 4.18, flushes with 5.5.
const COLUMNS: [Column; 17] = [
    Plain(devices::reads),
    Plain(devices::reads_merged),
    Sectors(devices::bytes_read),
    Plain(devices::read_time),
    Plain(devices::writes),
    Plain(devices::writes_merged),
    Sectors(devices::bytes_written),
    Plain(devices::write_time),
    Plain(devices::in_flight),
    Plain(devices::io_time),
    Plain(devices::queue_time),
    Plain(devices::discards),
    Skip, // discards merged
    Sectors(devices::bytes_discarded),
    Plain(devices::discard_time),
    Plain(devices::flushes),
    Plain(devices::flush_time),
];

/// The columns that every kernel has.
const LEAST: usize = 11;

/// What is added up over physical disks: partitions, dm, md and loop devices would count the same
/// transfer again.
pub(super) static TOTALS: [(FieldId, FieldId); 6] = [
    (devices::reads, host::reads),
    (devices::writes, host::writes),
    (devices::bytes_read, host::bytes_read),
    (devices::bytes_written, host::bytes_written),
    (devices::read_time, host::read_time),
    (devices::write_time, host::write_time),
];

/// Adds a row per whole disk.
pub(super) fn parse(
    bytes: &[u8],
    topology: &mut Topology,
    block: &mut Block,
) -> Result<(), ParseError> {
    // A host without any block device has an empty file.
    if bytes.is_empty() {
        return Ok(());
    }
    for (index, line) in lines(bytes)?.enumerate() {
        let mut numbers = Numbers::of(line);
        // The device's own numbers, major and minor.
        let (Some(_), Some(_)) = (numbers.next(), numbers.next()) else { continue };
        let Some(word) = numbers.word() else { continue };
        let name = name(word);
        let Some(disk) = topology.disk(&name) else { continue };
        if !disk.physical && numbers.all_zero() {
            continue;
        }
        let mut row = block.push_row(&name);
        row.set_flag(devices::physical, disk.physical);
        let mut seen = 0;
        for (column, value) in COLUMNS.iter().zip(&mut numbers) {
            seen += 1;
            match *column {
                Plain(field) => row.set(field, value),
                Sectors(field) => row.set(field, value.saturating_mul(SECTOR)),
                Skip => {}
            }
        }
        if seen < LEAST || (seen < COLUMNS.len() && !numbers.at_end()) {
            return Err(ParseError::at(index, "expected at least 11 counters"));
        }
    }
    Ok(())
}
