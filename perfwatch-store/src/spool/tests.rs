//! What a spool keeps, and what becomes of it when its files are damaged.

use std::{
    fs,
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use perfwatch_core::{Frame, View, metric_table};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{ASIDE, Spool, directory::SEGMENT, header::HEADER, segment::UNREADABLE};
use crate::{Record, StoreError};

metric_table! {
    /// An application.
    table app: app {
        /// How busy it is.
        load: Gauge Average,
    }
}

const MIB: u64 = 1 << 20;

fn record(time: i64) -> Record {
    let mut frame = Frame::new([&&app::TABLE]);
    frame.timestamp_ms = time;
    if let [block] = frame.blocks.as_mut_slice() {
        block.host_row().set_f64(app::load, time as f64);
    }
    let mut view = View::default();
    view.update(None, &frame);
    Record::new("a", Arc::new(view))
}

fn records(times: std::ops::Range<i64>) -> Vec<Record> {
    times.map(record).collect()
}

fn open(directory: &TempDir) -> Spool {
    Spool::open(&directory.path().join("spool"), MIB).unwrap()
}

/// What a process leaves in which so many records wait.
fn left(count: i64) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    open(&directory).append(&records(0..count));
    directory
}

/// Takes everything out in batches of this many: the times, and how many were damaged.
fn drain(spool: &mut Spool, most: usize) -> (Vec<i64>, u64) {
    let (mut times, mut damaged) = (Vec::new(), 0);
    loop {
        let taken = spool.peek(most, MIB).unwrap();
        damaged += taken.damaged;
        if taken.records.is_empty() {
            return (times, damaged);
        }
        times.extend(taken.records.iter().map(Record::timestamp_ms));
        spool.advance(taken.records.len());
    }
}

fn segments(directory: &TempDir) -> Vec<PathBuf> {
    files(directory, SEGMENT)
}

/// All files whose names end so.
fn files(directory: &TempDir, suffix: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(directory.path().join("spool")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.to_str().is_some_and(|path| path.ends_with(suffix))).collect();
    files.sort();
    files
}

/// Where the next record will be, in the one segment that there is.
fn end(directory: &TempDir) -> u64 {
    fs::metadata(&segments(directory)[0]).unwrap().len()
}

fn flip(path: &Path, at: u64) {
    let mut bytes = fs::read(path).unwrap();
    bytes[usize::try_from(at).unwrap()] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// Overwrites bytes.
fn blank(path: &Path, range: Range<u64>) {
    let mut bytes = fs::read(path).unwrap();
    let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
    bytes[range].fill(0xa5);
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_waits_survives_its_process_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory);
    assert_eq!((spool.waiting(), spool.bytes()), (0, 0));
    assert!(segments(&directory).is_empty(), "nothing is written before there is need");
    let appended = spool.append(&records(0..100));
    assert_eq!((appended.taken, appended.dropped), (100, 0));
    let taken = spool.peek(30, MIB).unwrap();
    assert_eq!(taken.records.len(), 30);
    spool.advance(10);
    drop(spool);

    let mode = fs::metadata(&segments(&directory)[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut spool = open(&directory);
    assert_eq!(spool.waiting(), 90);
    assert_eq!(spool.append(&records(100..150)).taken, 50);
    assert_eq!(drain(&mut spool, 7), ((10..150).collect(), 0));
    assert_eq!((spool.waiting(), spool.bytes()), (0, 0));
    assert!(segments(&directory).is_empty());
}

#[test]
fn one_process_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(&directory);
    let path = directory.path().join("spool");
    let refused = Spool::open(&path, MIB).unwrap_err();
    let StoreError::Locked { path: locked, owner } = &refused else { panic!("{refused}") };
    assert_eq!((locked, *owner), (&path, Some(std::process::id())));
    drop(spool);
    open(&directory);
}

#[test]
fn the_oldest_go_where_it_is_full_and_the_disk_is_not_used_beyond() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory);
    let mut dropped = 0;
    let count = 40_000;
    for start in (0..count).step_by(500) {
        let appended = spool.append(&records(start..start + 500));
        assert_eq!(appended.taken, 500);
        dropped += appended.dropped;
        let used: u64 =
            segments(&directory).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(used <= spool.bytes() && spool.bytes() <= MIB, "{used} {}", spool.bytes());
        assert_eq!(spool.waiting() + dropped, start.unsigned_abs() + 500);
    }
    assert!(dropped > 0 && spool.bytes() > MIB * 9 / 10, "{dropped} {}", spool.bytes());
    assert_eq!(drain(&mut spool, 256), ((dropped.cast_signed()..count).collect(), 0));
}

#[test]
fn a_damaged_record_costs_itself_only() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory);
    spool.append(&records(0..1));
    let first = end(&directory);
    spool.append(&records(1..50));
    drop(spool);
    let file = &segments(&directory)[0];
    flip(file, first - 1);
    flip(file, first + 14);
    let mut spool = open(&directory);
    assert_eq!(spool.waiting(), 50);
    assert_eq!(drain(&mut spool, 10), ((2..50).collect(), 2));
}

#[test]
fn a_damaged_length_costs_its_record_only() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory);
    spool.append(&records(0..10));
    let ten = end(&directory);
    spool.append(&records(10..400));
    // Enough for a second segment.
    spool.append(&records(400..2000));
    let files = segments(&directory);
    assert!(files.len() > 1);
    drop(spool);
    flip(&files[0], ten);
    let mut spool = open(&directory);
    assert_eq!(drain(&mut spool, 64), ((0..10).chain(11..2000).collect(), 1));
}

#[test]
fn records_that_are_lost_at_once_are_all_counted() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory);
    let ends = [0, 10, 20].map(|start| {
        spool.append(&records(start..start + 10));
        end(&directory)
    });
    drop(spool);
    blank(&segments(&directory)[0], ends[0]..ends[1]);
    let mut spool = open(&directory);
    assert_eq!(spool.waiting(), 30);
    assert_eq!(drain(&mut spool, 64), ((0..10).chain(20..30).collect(), 10));
    // The head and the length of the first.
    spool.append(&records(0..50));
    drop(spool);
    blank(&segments(&directory)[0], 0..64);
    let mut spool = open(&directory);
    assert_eq!(spool.waiting(), 50);
    assert_eq!(drain(&mut spool, 10), ((1..50).collect(), 1));
    assert!(files(&directory, UNREADABLE).is_empty());
}

#[test]
fn a_file_that_nobody_understands_is_counted_and_kept() {
    let directory = left(50);
    let file = &segments(&directory)[0];
    blank(file, 8..end(&directory));
    let bytes = fs::read(file).unwrap();
    let mut spool = open(&directory);
    spool.append(&records(50..60));
    // Over restarts it is still the same one, that waits to be counted.
    drop(spool);
    let mut spool = open(&directory);
    assert_eq!(spool.waiting(), 11);
    assert_eq!(drain(&mut spool, 10), ((50..60).collect(), 1));
    assert_eq!(spool.waiting(), 0);
    drop(spool);

    let mut spool = open(&directory);
    assert_eq!((spool.waiting(), spool.bytes()), (0, (bytes.len() as u64).next_multiple_of(4096)));
    let kept = files(&directory, UNREADABLE);
    assert_eq!(kept.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>(), [bytes]);
    // It is the first to go where there is no room.
    let mut dropped = 0;
    for start in (0..40_000).step_by(500) {
        dropped += spool.append(&records(start..start + 500)).dropped;
        assert!(spool.bytes() <= MIB, "{}", spool.bytes());
        assert!(dropped == 0 || files(&directory, UNREADABLE).is_empty());
    }
    assert!(dropped > 0);
}

#[test]
fn a_damaged_head_costs_nothing_and_a_lost_file_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory);
    spool.append(&records(0..50));
    drop(spool);
    flip(&segments(&directory)[0], 17);
    let mut spool = open(&directory);
    assert_eq!(drain(&mut spool, 10), ((0..50).collect(), 0));

    spool.append(&records(50..60));
    fs::remove_file(&segments(&directory)[0]).unwrap();
    assert_eq!(drain(&mut spool, 10), (vec![], 10));
    spool.append(&records(60..70));
    assert_eq!(drain(&mut spool, 10), ((60..70).collect(), 0));
}

#[test]
fn a_file_that_cannot_be_opened_is_left_out_and_named() {
    let directory = left(1500);
    let first = &segments(&directory)[0];
    let beside = directory.path().join("beside");
    fs::rename(first, &beside).unwrap();
    fs::create_dir(first).unwrap();
    let mut spool = open(&directory);
    let left_out = spool.left_out().unwrap();
    assert!(left_out.starts_with(first.to_str().unwrap()), "{left_out}");
    let lost = 1500 - spool.waiting().cast_signed();
    assert!((1..1500).contains(&lost), "{lost}");
    assert_eq!(spool.append(&records(1500..1510)).taken, 10);
    assert_eq!(drain(&mut spool, 100), ((lost..1510).collect(), 0));
    drop(spool);

    fs::remove_dir(first).unwrap();
    fs::rename(&beside, first).unwrap();
    let mut spool = open(&directory);
    assert_eq!(spool.left_out(), None);
    assert_eq!(drain(&mut spool, 100), ((0..lost).collect(), 0));
}

#[test]
fn a_last_file_that_was_taken_away_costs_itself_only() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory);
    spool.append(&records(0..10));
    fs::remove_file(&segments(&directory)[0]).unwrap();
    for start in [10, 20] {
        let appended = spool.append(&records(start..start + 10));
        assert_eq!((appended.taken, appended.dropped), (10, 0), "{:?}", appended.error);
    }
    assert_eq!((spool.waiting(), segments(&directory).len()), (30, 1));
    assert_eq!(drain(&mut spool, 10), ((10..30).collect(), 10));
    assert!(segments(&directory).is_empty());
}

#[test]
fn a_directory_that_was_taken_away_is_made_again_and_locked() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory);
    spool.append(&records(0..10));
    let path = directory.path().join("spool");
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(spool.append(&records(10..20)).taken, 10);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let StoreError::Locked { .. } = Spool::open(&path, MIB).unwrap_err() else { panic!() };
    assert_eq!(drain(&mut spool, 10), ((10..20).collect(), 10));
}

#[test]
fn damage_is_counted_also_where_what_follows_cannot_be_read_now() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory);
    spool.append(&records(0..1500));
    let files = segments(&directory);
    let [first, second] = files.as_slice() else { panic!("{files:?}") };
    fs::remove_file(first).unwrap();
    // What stands there instead can be opened and not read.
    let beside = directory.path().join("beside");
    fs::rename(second, &beside).unwrap();
    fs::create_dir(second).unwrap();
    let taken = spool.peek(10, MIB).unwrap();
    assert!(taken.records.is_empty() && taken.damaged > 0);
    assert_eq!(spool.waiting() + taken.damaged, 1500);
    spool.peek(10, MIB).unwrap_err();
    fs::remove_dir(second).unwrap();
    fs::rename(&beside, second).unwrap();
    let (times, damaged) = drain(&mut spool, 100);
    assert_eq!((times.len() as u64 + taken.damaged, damaged), (1500, 0));
}

#[test]
fn what_was_written_when_the_process_died_is_kept_as_far_as_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory);
    spool.append(&records(0..20));
    drop(spool);
    let file = &segments(&directory)[0];
    let head = fs::read(file).unwrap()[..HEADER as usize].to_vec();
    let mut spool = open(&directory);
    spool.append(&records(20..30));
    drop(spool);
    // The records reached the disk, the head did not, and the last one is torn.
    let mut bytes = fs::read(file).unwrap();
    bytes[..HEADER as usize].copy_from_slice(&head);
    bytes.truncate(bytes.len() - 3);
    fs::write(file, bytes).unwrap();
    let mut spool = open(&directory);
    assert_eq!(spool.waiting(), 29);
    spool.append(&records(30..40));
    assert_eq!(drain(&mut spool, 100), ((0..29).chain(30..40).collect(), 0));
}

#[test]
fn what_the_store_refused_can_be_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(&directory);
    spool.set_aside(&record(7), "a \"bad\" one");
    let file = directory.path().join("spool").join(ASIDE);
    let expected = concat!(
        r#"{"timestamp_ms":7,"host":"a","reason":"a \"bad\" one","#,
        r#""data":{"app":{"load":7.00}}}"#,
        "\n"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    (0..10_000).for_each(|time| spool.set_aside(&record(time), "bad"));
    assert!(fs::metadata(&file).unwrap().len() <= MIB / 32);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Wherever a bit flips, no record is made up, none comes twice or out of order, and those
    /// that are missing are counted.
    #[test]
    fn a_flipped_bit_is_counted(at in 0_u64..2400, count in 1_i64..60) {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = open(&directory);
        spool.append(&records(0..count));
        let at = at % end(&directory);
        drop(spool);
        flip(&segments(&directory)[0], at);
        let mut spool = open(&directory);
        let waiting = spool.waiting();
        let (times, damaged) = drain(&mut spool, 16);
        prop_assert_eq!(waiting, count.unsigned_abs());
        prop_assert_eq!(times.len() as u64 + damaged, waiting);
        prop_assert!(times.is_sorted_by(|a, b| a < b));
        prop_assert!(times.iter().all(|time| (0..count).contains(time)));
    }
}
