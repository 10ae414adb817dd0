//! How two frames become a view.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

use perfwatch_core::{Block, Frame, MISSING, View, metric_table, prometheus};

metric_table! {
    /// CPU time of a core.
    table cores: cpu.cores per core {
        /// Time in user code.
        user: Counter CpuTime,
        /// Time doing nothing.
        idle: Counter CpuTime,
        /// Current frequency.
        frequency: Gauge Megahertz,
    }
    derive {
        /// Share of time not idle.
        usage: Percent = [user] / [user idle],
    }
}

metric_table! {
    /// Transfers of the host.
    table disk: disk {
        /// Bytes read.
        bytes_read: Counter Bytes,
        /// Reads finished.
        reads: Counter Count,
        /// Time spent reading.
        read_time: Counter32 Milliseconds,
        /// Mean temperature.
        temperature: Gauge Celsius,
    }
    derive {
        /// Mean time of a read.
        read_latency: Milliseconds = [read_time] / [reads],
        /// Reads under way.
        queue_length: Average = [read_time] / second,
    }
}

const SECOND: u64 = 1_000_000_000;

fn frame(at_s: u64, cores_rows: &[(&str, u64, u64)], transfers: [u64; 3]) -> Frame {
    let mut frame = Frame::new([&&cores::TABLE, &&disk::TABLE]);
    frame.timestamp_ms = at_s as i64 * 1000;
    let [cpu_block, disk_block] = frame.blocks.as_mut_slice() else { unreachable!() };
    cpu_block.set_read_at(at_s * SECOND);
    for &(key, user, idle) in cores_rows {
        let mut row = cpu_block.push_row(key);
        row.set(cores::user, user);
        row.set(cores::idle, idle);
    }
    disk_block.set_read_at(at_s * SECOND);
    let mut row = disk_block.host_row();
    row.set(disk::bytes_read, transfers[0]);
    row.set(disk::reads, transfers[1]);
    row.set(disk::read_time, transfers[2]);
    row.set_f64(disk::temperature, 40.26);
    frame
}

fn view(before: &Frame, now: &Frame) -> String {
    let mut view = View::default();
    view.update(Some(before), now);
    serde_json::to_string(&view).unwrap()
}

#[test]
fn counters_become_rates_shares_and_ratios() {
    let before = frame(10, &[("0", 1_000_000, 0), ("1", 5, 5)], [0, 10, 100]);
    let now = frame(12, &[("0", 1_500_000, 1_500_000), ("1", 5, 5)], [3001, 14, 106]);
    insta::assert_snapshot!(view(&before, &now), @r#"{"cpu":{"cores":{"0":{"user_percent":25.0,"idle_percent":75.0,"frequency_mhz":null,"usage_percent":25.0},"1":{"user_percent":null,"idle_percent":null,"frequency_mhz":null,"usage_percent":null}}},"disk":{"bytes_read_per_sec":1501,"reads_per_sec":2.0,"temperature_celsius":40.3,"read_latency_ms":1.5,"queue_length":0.0}}"#);
}

#[test]
fn a_first_frame_has_levels_and_no_rates() {
    let mut view = View::default();
    view.update(None, &frame(10, &[("0", 1, 1)], [1, 1, 1]));
    insta::assert_snapshot!(serde_json::to_string(&view).unwrap(), @r#"{"cpu":{"cores":{"0":{"user_percent":null,"idle_percent":null,"frequency_mhz":null,"usage_percent":null}}},"disk":{"bytes_read_per_sec":null,"reads_per_sec":null,"temperature_celsius":40.3,"read_latency_ms":null,"queue_length":null}}"#);
}

#[test]
fn a_reset_a_stopped_clock_and_a_suspend_give_no_rate() {
    let rate = |before: &Frame, now: &Frame| {
        let mut view = View::default();
        view.update(Some(before), now);
        view.block("disk").unwrap().get("", "bytes_read_per_sec").unwrap().get()
    };
    let before = frame(10, &[], [100, 0, 0]);
    assert_eq!(rate(&before, &frame(11, &[], [300, 0, 0])), Some(200.0));
    assert_eq!(rate(&before, &frame(11, &[], [99, 0, 0])), None, "the counter was reset");
    assert_eq!(rate(&before, &frame(10, &[], [300, 0, 0])), None, "no time passed");
    let mut woken = frame(11, &[], [300, 0, 0]);
    woken.suspended_ns = 3600 * SECOND;
    assert_eq!(rate(&before, &woken), None, "the machine slept in between");
}

#[test]
fn a_32_bit_counter_wraps_and_cpu_time_may_step_back_a_little() {
    let before = frame(10, &[("0", 0, 9_000_000)], [0, 0, (1 << 32) - 500]);
    let now = frame(11, &[("0", 1_000_000, 8_990_000)], [0, 1, 500]);
    let mut seen = View::default();
    seen.update(Some(&before), &now);
    let latency = seen.block("disk").unwrap().get("", "read_latency_ms").unwrap();
    assert_eq!(latency.get(), Some(1000.0));
    let usage = seen.block("cpu.cores").unwrap().get("0", "usage_percent").unwrap();
    assert_eq!(usage.get(), Some(100.0));

    let plugged_in_anew = frame(11, &[("0", 1_000_000, 5_000_000)], [0, 1, 500]);
    seen.update(Some(&before), &plugged_in_anew);
    let usage = seen.block("cpu.cores").unwrap().get("0", "usage_percent").unwrap();
    assert_eq!(usage.get(), None);
}

#[test]
fn a_32_bit_counter_of_a_thing_that_was_replaced_did_not_wrap() {
    let before = frame(10, &[], [0, 500, 4000]);
    let now = frame(11, &[], [0, 3, 10]);
    let mut seen = View::default();
    seen.update(Some(&before), &now);
    let disk = seen.block("disk").unwrap();
    assert_eq!(disk.get("", "read_latency_ms").unwrap().get(), None);
    assert_eq!(disk.get("", "queue_length").unwrap().get(), None);
}

#[test]
fn rows_are_matched_by_name_not_by_place() {
    let before = frame(10, &[("0", 0, 0), ("1", 0, 0), ("2", 0, 0)], [0; 3]);
    let now = frame(11, &[("2", 10, 10), ("3", 10, 0), ("0", 10, 0)], [0; 3]);
    let mut seen = View::default();
    seen.update(Some(&before), &now);
    let usage =
        |core: &str| seen.block("cpu.cores").unwrap().get(core, "usage_percent").unwrap().get();
    assert_eq!((usage("2"), usage("3"), usage("0")), (Some(50.0), None, Some(100.0)));
}

#[test]
fn prometheus_text_holds_raw_counters_in_base_units() {
    let mut text = String::new();
    let mut frame = frame(10, &[("a\"b\\c\nd", 1_500_000, 0)], [7, 1, 250]);
    frame.blocks[0].push_row("x").set(cores::frequency, 2400);
    prometheus::write_frame(&frame, &mut text);
    insta::assert_snapshot!(text, @r#"
    # HELP perfwatch_cpu_cores_user_seconds_total Time in user code.
    # TYPE perfwatch_cpu_cores_user_seconds_total counter
    perfwatch_cpu_cores_user_seconds_total{core="a\"b\\c\nd"} 1.5
    # HELP perfwatch_cpu_cores_idle_seconds_total Time doing nothing.
    # TYPE perfwatch_cpu_cores_idle_seconds_total counter
    perfwatch_cpu_cores_idle_seconds_total{core="a\"b\\c\nd"} 0
    # HELP perfwatch_cpu_cores_frequency_hertz Current frequency.
    # TYPE perfwatch_cpu_cores_frequency_hertz gauge
    perfwatch_cpu_cores_frequency_hertz{core="x"} 2400000000
    # HELP perfwatch_disk_bytes_read_total Bytes read.
    # TYPE perfwatch_disk_bytes_read_total counter
    perfwatch_disk_bytes_read_total 7
    # HELP perfwatch_disk_reads_total Reads finished.
    # TYPE perfwatch_disk_reads_total counter
    perfwatch_disk_reads_total 1
    # HELP perfwatch_disk_read_time_seconds_total Time spent reading.
    # TYPE perfwatch_disk_read_time_seconds_total counter
    perfwatch_disk_read_time_seconds_total 0.25
    # HELP perfwatch_disk_temperature_celsius Mean temperature.
    # TYPE perfwatch_disk_temperature_celsius gauge
    perfwatch_disk_temperature_celsius 40.3
    "#);
}

#[test]
fn absurd_readings_are_missing() {
    let mut block = Block::new(&disk::TABLE);
    block.host_row().set(disk::reads, u64::MAX);
    block.host_row().set_f64(disk::temperature, f64::NAN);
    assert_eq!(block.value(0, disk::reads), MISSING);
    assert_eq!(block.value(0, disk::temperature), MISSING);
}
