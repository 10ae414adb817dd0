//! Frames of which each value follows from the frame's number, so that whatever is read later can
//! be told from what never was written.

use std::sync::Arc;

use perfwatch_core::{Frame, View, metric_table, series::Pattern};
use perfwatch_store::{Aggregate, Record, Selection};

metric_table! {
    /// A collector that only counts.
    pub(crate) table probe: probe {
        /// The number of the frame.
        seq: Gauge Count,
        /// The checksum of that number.
        check: Gauge Count,
        /// Always the same.
        flat: Gauge Count,
        /// The number, in one frame of four.
        rare: Gauge Count,
    }
}

metric_table! {
    /// Its parts.
    pub(crate) table parts: probe.parts per part {
        /// How hot it is.
        heat: Gauge Celsius,
    }
}

pub(crate) const SECOND: i64 = 1000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// 2023-11-14, at midnight (UTC).
pub(crate) const START: i64 = 19_675 * DAY;

/// The host that the frames are of.
pub(crate) const HOST: &str = "probe";

/// All series.
pub(crate) const SERIES: [&str; 6] = [
    "probe.check",
    "probe.flat",
    "probe.parts.a.heat_celsius",
    "probe.parts.b.heat_celsius",
    "probe.rare",
    "probe.seq",
];

/// A number in which each bit depends on each bit of another (the finalizer of splitmix64).
pub(crate) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Frames this many milliseconds apart, from [`START`] on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth {
    pub(crate) step_ms: i64,
}

impl Truth {
    /// When a frame was measured: a few milliseconds late, as in life.
    pub(crate) fn time(self, seq: i64) -> i64 {
        START + seq * self.step_ms + (mix(seq.unsigned_abs()) % 50).cast_signed()
    }

    /// The frame measured at this time, if there is one.
    pub(crate) fn seq_at(self, time: i64) -> Option<i64> {
        let seq = (time - START).div_euclid(self.step_ms);
        (seq >= 0 && self.time(seq) == time).then_some(seq)
    }

    /// The frames measured within a range of time, as a range of numbers.
    pub(crate) fn seqs(self, start_ms: i64, end_ms: i64) -> std::ops::Range<i64> {
        let first = |time: i64| {
            let seq = (time - START).div_euclid(self.step_ms).max(0);
            if self.time(seq) < time { seq + 1 } else { seq }
        };
        first(start_ms)..first(end_ms)
    }

    /// A frame by its number.
    pub(crate) fn record(self, seq: i64) -> Record {
        let mut frame = Frame::new([&&probe::TABLE, &&parts::TABLE]);
        frame.timestamp_ms = self.time(seq);
        let [block, rows] = frame.blocks.as_mut_slice() else { unreachable!() };
        let mut row = block.host_row();
        for (field, series) in [
            (probe::seq, "probe.seq"),
            (probe::check, "probe.check"),
            (probe::flat, "probe.flat"),
            (probe::rare, "probe.rare"),
        ] {
            if let Some(value) = value(series, seq) {
                row.set(field, value.unsigned_abs());
            }
        }
        for part in ["a", "b"] {
            let heat = value(&format!("probe.parts.{part}.heat_celsius"), seq).unwrap();
            rows.push_row(part).set_f64(parts::heat, heat as f64 / 10.0);
        }
        let mut view = View::default();
        view.update(None, &frame);
        Record::new(HOST, Arc::new(view))
    }
}

/// The value of a series in a frame, in its last decimal.
pub(crate) fn value(series: &str, seq: i64) -> Option<i64> {
    let mixed = mix(seq.unsigned_abs());
    Some(match series {
        "probe.seq" => seq,
        "probe.check" => (mixed >> 33).cast_signed(),
        "probe.flat" => 7,
        "probe.rare" if mixed.is_multiple_of(4) => seq,
        "probe.rare" => return None,
        "probe.parts.a.heat_celsius" => 200 + seq % 300 + (mixed % 10).cast_signed(),
        "probe.parts.b.heat_celsius" => 900 - seq % 70,
        other => panic!("{other} was never written"),
    })
}

/// How many decimals a series has.
pub(crate) fn decimals(series: &str) -> i32 {
    i32::from(series.ends_with("celsius"))
}

/// What a series says of some frames; nothing where none has a value.
pub(crate) fn aggregate(
    series: &str,
    aggregate: Aggregate,
    seqs: impl Iterator<Item = i64>,
) -> Option<f64> {
    let values: Vec<i64> = seqs.filter_map(|seq| value(series, seq)).collect();
    let count = values.len() as f64;
    let number = match aggregate {
        Aggregate::Count => return (count > 0.0).then_some(count),
        Aggregate::Min => *values.iter().min()? as f64,
        Aggregate::Max => *values.iter().max()? as f64,
        Aggregate::Last => *values.last()? as f64,
        Aggregate::Avg if values.is_empty() => return None,
        Aggregate::Avg => (values.iter().sum::<i64>() as f64 / count).round(),
    };
    Some(number / 10_f64.powi(decimals(series)))
}

/// All series within a range of time.
pub(crate) fn everything(start_ms: i64, end_ms: i64) -> Selection {
    let patterns = ["probe.*", "probe.parts.*.heat_celsius"];
    let patterns = patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect();
    Selection { host: HOST.to_owned(), patterns, start_ms, end_ms }
}
