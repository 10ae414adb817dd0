use perfwatch_core::MISSING;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::layout::Stat;

const START: i64 = 19_675 * DAY_MS;
const PLACE: Place = Place { host: 3, interval_ms: 0, timestamp_ms: START };

fn build(times: &[i64], columns: &[Vec<i64>]) -> Slice {
    let mut builder = Builder::new(PLACE, times.to_vec());
    for (series, values) in (0..).zip(columns) {
        builder.add_values(series * 2, 100 + series, values).unwrap();
    }
    builder.finish()
}

/// What a slice says of a series: all values, and the stat of each page; damaged pages are missing.
/// The values of each page, nothing where it is damaged, and the stats of all.
type Read = (Vec<Option<Vec<i64>>>, Vec<Stat>);

fn read(slice: &Slice, series: u32) -> Option<Read> {
    let directory = Directory::open(slice.place, slice.directory.clone())?;
    let at = directory.find(series * 2)?;
    let part = |piece: &Piece| slice.parts.get(piece.part as usize).map_or(&[][..], |part| part);
    let entry = Entry::read(&directory, at, 100 + series, part(&directory.entry(at)))?;
    let piece = directory.values(at);
    let bytes = piece.of(part(&piece))?;
    let mut column = Column::new(&directory, &entry, 100 + series, bytes);
    let pages = (0..directory.page_count())
        .map(|page| {
            let mut values = Vec::new();
            column.unpack(page, &mut values).map(|()| values)
        })
        .collect();
    Some((pages, entry.pages.iter().map(|page| page.stat).collect()))
}

fn values(slice: &Slice, series: u32) -> Option<Vec<i64>> {
    Some(read(slice, series)?.0.into_iter().flatten().flatten().collect())
}

fn steady(hours: i64) -> Vec<i64> {
    (0..hours * 720).map(|n| START + n * 5000 + n * 7919 % 13).collect()
}

/// Something like the values of a host.
fn columns(times: &[i64]) -> Vec<Vec<i64>> {
    let noise = |n: i64, seed: i64| (n * 2_654_435_761 + seed * 40_503).rem_euclid(97);
    let numbers = || 0..times.len() as i64;
    vec![
        numbers().map(|n| 1000 + noise(n, 1)).collect(),
        numbers().map(|_| 42).collect(),
        numbers().map(|n| if n < 300 { MISSING } else { n * 4096 }).collect(),
        numbers().map(|n| if n % 3 == 0 { MISSING } else { 7 }).collect(),
        numbers().map(|n| if n == 5 { i64::MAX } else { -i64::MAX }).collect(),
    ]
}

#[test]
fn series_are_read_without_the_rest() {
    let times = steady(3);
    let columns = columns(&times);
    let slice = build(&times, &columns);
    assert_eq!(slice.frames, 3 * 720);
    for (series, expected) in (0..).zip(&columns) {
        assert_eq!(values(&slice, series).as_ref(), Some(expected), "{series}");
    }
    assert_eq!(values(&slice, 5), None);
    let directory = Directory::open(PLACE, slice.directory.clone()).unwrap();
    let mut found = Vec::new();
    for page in 0..directory.page_count() {
        found.extend(directory.times(page, &slice.parts[0]).unwrap().iter());
    }
    assert_eq!(found, times);
    let info = directory.page(1);
    assert_eq!((info.start_ms, info.frames), (START + HOUR_MS, 720));
    let (_, stats) = read(&slice, 2).unwrap();
    assert_eq!((stats[0].count, stats[0].min, stats[0].last), (420, 300 * 4096, 719 * 4096));
}

#[test]
fn a_flipped_bit_costs_no_more_than_a_page_and_shows_nothing_wrong() {
    let times = steady(2);
    let columns = columns(&times);
    let slice = build(&times, &columns);
    let truth: Vec<_> = (0..5).map(|series| read(&slice, series).unwrap()).collect();
    let mut lost_pages = 0;
    for part in 1..slice.parts.len() {
        for bit in (0..slice.parts[part].len() * 8).step_by(11) {
            let mut damaged = slice.clone();
            damaged.parts[part][bit / 8] ^= 1 << (bit % 8);
            let mut hit = 0;
            for (series, (pages, stats)) in (0..).zip(&truth) {
                let Some((found, found_stats)) = read(&damaged, series) else {
                    hit += 1;
                    continue;
                };
                assert_eq!(&found_stats, stats);
                for (page, found) in pages.iter().zip(&found) {
                    lost_pages += usize::from(found.is_none());
                    assert!(found.is_none() || found == page);
                }
                hit += usize::from(&found != pages);
            }
            assert_eq!(hit, 1, "bit {bit} of part {part}");
        }
    }
    assert!(lost_pages > 0);
    for bit in 0..slice.directory.len() * 8 {
        let mut damaged = slice.directory.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Directory::open(PLACE, damaged).is_none());
    }
    let elsewhere = Place { timestamp_ms: START + DAY_MS, ..PLACE };
    assert!(Directory::open(elsewhere, slice.directory).is_none());
}

#[test]
fn downsampled_slices_hold_stats_only() {
    let place = Place { interval_ms: 300_000, ..PLACE };
    let mut builder = Builder::new(place, steady(1));
    let stat = |n: i64| Stat {
        count: 59 + n.unsigned_abs() % 2,
        sum: 6000 + i128::from(n),
        min: 90,
        max: 110 + n,
        last: 100,
        last_ms: START + n * 300_000 + 299_000,
    };
    let stats: Vec<Stat> = (0..12).map(stat).collect();
    builder.add_stats(0, 100, &stats);
    let slice = builder.finish();
    assert_eq!(slice.frames, 12);
    assert_eq!(read(&slice, 0).unwrap().1, stats);
}

proptest! {
    #[test]
    fn any_values_survive(
        hours in 1..4_i64,
        cells in vec(vec((0..4_u8, any::<i64>()), 60), 1..4),
    ) {
        let times: Vec<i64> = (0..60).map(|n| START + n * hours * 60_000).collect();
        let value = |&(kind, value): &(u8, i64)| match kind {
            0 => MISSING,
            1 => 5,
            _ => value >> (value.rem_euclid(60)),
        };
        let columns: Vec<Vec<i64>> =
            cells.iter().map(|column| column.iter().map(value).collect()).collect();
        let slice = build(&times, &columns);
        for (series, expected) in (0..).zip(&columns) {
            if expected.iter().any(|&value| value != MISSING) {
                let found = values(&slice, series);
                prop_assert_eq!(found.as_ref(), Some(expected));
            }
        }
    }
}
