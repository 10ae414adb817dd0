//! PostgreSQL answers what SQLite answers, digit for digit.

use std::ops::Range;

use perfwatch_core::{Frame, metric_table};
use perfwatch_store::{Aggregate, RangeQuery, Record, Step, Store};

use crate::fixture::{
    Backend, DAY, HOUR, MINUTE, SECOND, START, ask, of, policy, postgres, select, sqlite_file, step,
};

metric_table! {
    /// A machine.
    table machine: machine {
        /// Busy time.
        busy: Gauge Percent,
        /// What it holds.
        held: Gauge Bytes,
    }
}

metric_table! {
    /// Its wires.
    table wires: machine.wires per wire {
        /// How long they take.
        delay: Gauge Milliseconds,
        /// What goes through.
        sent: Gauge Bytes,
    }
}

metric_table! {
    /// The weather.
    table weather: weather {
        /// How hot it is.
        heat: Gauge Celsius,
    }
}

/// Numbers that look like any, and are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn percent(&mut self) -> f64 {
        self.next(10_000) as f64 / 100.0
    }
}

/// A frame in which wires come and go and values are missing.
fn frame(random: &mut Random, time: i64) -> Record {
    let mut frame = Frame::new([&&machine::TABLE, &&wires::TABLE, &&weather::TABLE]);
    frame.timestamp_ms = time;
    let [host, rows, sky] = frame.blocks.as_mut_slice() else { unreachable!() };
    let mut row = host.host_row();
    if random.next(10) > 0 {
        row.set_f64(machine::busy, random.percent());
    }
    if random.next(10) > 1 {
        row.set_f64(machine::held, random.next(1 << 31) as f64 * 1e6);
    }
    for name in ["eth0", "wire 1", "a.b", "\u{2400}", "\"\\"] {
        // Each is there for hours, then not.
        if (time / (3 * HOUR) + name.len() as i64) % 3 > 0 {
            let mut row = rows.push_row(name);
            row.set_f64(wires::delay, random.percent() / 7.0);
            row.set_f64(wires::sent, -(random.next(1 << 20) as f64));
        }
    }
    if random.next(3) > 0 {
        sky.host_row().set_f64(weather::heat, random.percent() - 50.0);
    }
    of("a", &frame)
}

fn queries(range: &Range<i64>) -> Vec<RangeQuery> {
    let patterns: [&[&str]; 4] = [
        &["machine.busy_percent", "weather.*"],
        &["machine.wires.*.*"],
        &["*.*", "*.*.*.*"],
        &["machine.held_bytes"],
    ];
    let steps = [
        Step::Auto,
        Step::Raw,
        step(7 * SECOND),
        step(MINUTE),
        step(5 * MINUTE),
        step(HOUR),
        step(DAY),
    ];
    let mut queries = Vec::new();
    for patterns in patterns {
        for step in steps {
            for limit in [60, 5000] {
                let mut query = ask(range.start, range.end);
                query.selection = select("a", patterns, range.start, range.end);
                (query.step, query.limit) = (step, limit);
                query.aggregates = Aggregate::ALL.to_vec();
                queries.push(query);
            }
        }
    }
    queries
}

async fn compare(one: &dyn Store, other: &dyn Store, when: &str) {
    assert_eq!(one.series("a").await.unwrap(), other.series("a").await.unwrap(), "{when}");
    assert_eq!(one.hosts().await.unwrap(), other.hosts().await.unwrap(), "{when}");
    let ranges = [
        START..START + 3 * DAY,
        START + 5 * HOUR..START + 9 * HOUR,
        START + 25 * HOUR + 17 * MINUTE..START + 26 * HOUR + 3 * MINUTE + 1,
        START + 50 * HOUR..START + 60 * HOUR,
    ];
    for range in ranges {
        for query in queries(&range) {
            let (left, right) =
                (one.range(&query).await.unwrap(), other.range(&query).await.unwrap());
            assert_eq!(left, right, "{when}: {query:?}");
            if query.step != Step::Auto {
                continue;
            }
            let summaries =
                (one.summary(&query.selection).await, other.summary(&query.selection).await);
            assert_eq!(summaries.0.unwrap(), summaries.1.unwrap(), "{when}: {query:?}");
        }
    }
    let (left, right) = (one.usage().await.unwrap(), other.usage().await.unwrap());
    assert_eq!(
        (left.frames, left.downsampled_frames, left.oldest_ms, left.newest_ms),
        (right.frames, right.downsampled_frames, right.oldest_ms, right.newest_ms),
        "{when}"
    );
}

#[tokio::test]
async fn every_answer_equals_sqlites() {
    let (one, other): (Backend, Backend) = (sqlite_file().await, postgres().await);
    let (one, other) = (one.store(), other.store());
    let both = async |records: &[Record]| {
        one.append(records).await.unwrap();
        other.append(records).await.unwrap();
    };
    let retain = async |days, interval, now| {
        let policy = policy(days, interval, 10);
        let reports =
            (one.apply_retention(&policy, now).await, other.apply_retention(&policy, now).await);
        let (left, right) = (reports.0.unwrap(), reports.1.unwrap());
        assert_eq!(
            (left.deleted_frames, left.downsampled_frames, left.note),
            (right.deleted_frames, right.downsampled_frames, right.note)
        );
    };
    let mut random = Random(7);
    let end = START + 55 * HOUR + 11 * MINUTE;
    // Every third frame of the first hours comes late.
    let times: Vec<i64> = (START..end).step_by(40_000).collect();
    let (late, usual): (Vec<i64>, Vec<i64>) =
        times.iter().partition(|time| **time < START + 4 * HOUR && **time % 3 == 0);
    let mut frames = |times: &[i64]| -> Vec<Record> {
        times.iter().map(|&time| frame(&mut random, time)).collect()
    };
    for batch in frames(&usual).chunks(90) {
        both(batch).await;
    }
    compare(one, other, "before late frames came").await;
    both(&frames(&late)).await;
    compare(one, other, "with late frames").await;
    retain(1, 5 * MINUTE, end).await;
    compare(one, other, "with a day downsampled").await;
    // Two are new, the others were merged.
    both(&frames(&[START + 1, START + HOUR + 7, START, START + 40_000])).await;
    compare(one, other, "with frames of a time that is downsampled").await;
    retain(0, HOUR, end).await;
    compare(one, other, "with everything downsampled").await;
}
