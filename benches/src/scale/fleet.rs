//! A thousand hosts in one process, each with the writer that a daemon has, onto one store.

use std::{
    fs,
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::{time::clock_getcpuclockid, unistd::Pid};
use perfwatch_store::{BatchMetricsWriter, Record, Store, WriterOptions, open};
use tokio::time::{Instant as TokioInstant, sleep_until};

use super::lag::{Lagging, now_ms};
use crate::{
    history::{INTERVAL_MS, Kind, MadeHost, Memory},
    process_cpu_ns,
};

/// Hosts are seen at other moments of their day.
const APART: usize = 17;

/// How long the last frames may take.
const LAST: Duration = Duration::from_secs(30);

/// What a fleet cost. Rates are per second of the run.
#[derive(Debug, Default)]
pub struct Fleet {
    /// How many hosts.
    pub hosts: usize,
    /// How long they sent, in seconds.
    pub seconds: f64,
    /// Frames that the store acknowledged.
    pub frames: u64,
    /// Values in them.
    pub values: u64,
    /// Frames that were given up.
    pub dropped: u64,
    /// How long a frame took from its moment until it was acknowledged, in milliseconds: half of
    /// them, 99 of 100, and the slowest.
    pub lag_ms: [i64; 3],
    /// CPU time of this process in seconds, making the frames not counted.
    pub sender_cpu_s: f64,
    /// Resident memory of this process at the end, in bytes.
    pub sender_bytes: u64,
    /// CPU time of the receiver in seconds; nothing if its process is not known.
    pub receiver_cpu_s: Option<f64>,
    /// Resident memory of the receiver at the end, in bytes.
    pub receiver_bytes: Option<u64>,
    /// Bytes that came to this host's loopback meanwhile, from every program: the wire.
    pub wire_bytes: u64,
}

/// One host: its frames to come, and its way to the store.
struct Host {
    name: Arc<str>,
    frames: MadeHost,
    writer: BatchMetricsWriter,
}

/// Sends the frames of so many hosts for so long, one each 5 s, evenly spread.
///
/// # Errors
/// What the store ran into, or if it took nothing.
pub async fn fleet(
    url: &str,
    hosts: usize,
    length: Duration,
    receiver: Option<u32>,
) -> Result<Fleet> {
    let store = Arc::new(Lagging::new(open(url).await?.store));
    let mut all: Vec<Host> = (0..hosts).map(|number| host(number, &store)).collect();
    let receiver_before = receiver.map(receiver_cpu_s).transpose()?;
    let (wire, cpu) = (loopback_bytes()?, process_cpu_ns()?);
    let (start, begun) = (Instant::now(), TokioInstant::now());
    let (mut made_ns, mut values) = (0, 0);
    let between = Duration::from_millis(INTERVAL_MS.unsigned_abs()) / u32::try_from(hosts)?;
    'sending: for turn in 0.. {
        for (number, host) in all.iter_mut().enumerate() {
            let at = between * u32::try_from(turn * hosts + number)?;
            if at >= length {
                break 'sending;
            }
            sleep_until(begun + at).await;
            let before = crate::thread_cpu_ns()?;
            let mut view = host.frames.next().context("a made host has no end")?;
            view.timestamp_ms = now_ms();
            made_ns += crate::thread_cpu_ns()? - before;
            host.writer.push(Record::new(Arc::clone(&host.name), Arc::new(view)));
            values += 200;
        }
    }
    let mut found = Fleet { hosts, values, ..Fleet::default() };
    for host in &all {
        let counts = host.writer.shutdown(LAST).await;
        found.frames += counts.stored;
        found.dropped += counts.dropped + counts.waiting;
    }
    found.seconds = start.elapsed().as_secs_f64();
    found.sender_cpu_s = (process_cpu_ns()? - cpu).saturating_sub(made_ns) as f64 / 1e9;
    found.wire_bytes = loopback_bytes()? - wire;
    found.sender_bytes = Memory::read()?.now;
    if let (Some(pid), Some(before)) = (receiver, receiver_before) {
        found.receiver_cpu_s = Some(receiver_cpu_s(pid)? - before);
        found.receiver_bytes = Some(resident_bytes(pid)?);
    }
    let lags = store.take();
    ensure!(!lags.is_empty(), "the store took nothing");
    let part = |share: f64| lags.get(((lags.len() - 1) as f64 * share) as usize).copied();
    found.lag_ms = [0.5, 0.99, 1.0].map(|share| part(share).unwrap_or_default());
    store.close().await;
    Ok(found)
}

fn host(number: usize, store: &Arc<Lagging>) -> Host {
    let mut frames = MadeHost::new(Kind::Busy);
    frames.by_ref().take(number * APART % 17_280).for_each(drop);
    let store = Arc::clone(store) as Arc<dyn Store>;
    Host {
        name: format!("host-{number:05}").into(),
        frames,
        writer: BatchMetricsWriter::spawn(store, WriterOptions::default()),
    }
}

/// CPU time of another process, in seconds.
fn receiver_cpu_s(pid: u32) -> Result<f64> {
    let clock = clock_getcpuclockid(Pid::from_raw(pid.try_into()?)).context("no such receiver")?;
    Ok(Duration::from(clock.now()?).as_secs_f64())
}

fn resident_bytes(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("the receiver is gone")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    Ok(1024 * number.context("no VmRSS of the receiver")?)
}

/// Bytes that the loopback interface took so far.
fn loopback_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/dev").context("/proc/net/dev cannot be read")?;
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("lo:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).context("no loopback")
}

impl Fleet {
    /// The lines of a table in Markdown.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(&self, out: &mut impl Write) -> Result<()> {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let per_value = |amount: f64| amount / self.values.max(1) as f64;
        writeln!(out, "| {} hosts, one frame each 5 s, {:.0} s | |", self.hosts, self.seconds)?;
        writeln!(out, "|---|---:|")?;
        writeln!(out, "| frames acknowledged | {} |", self.frames)?;
        writeln!(out, "| frames given up | {} |", self.dropped)?;
        writeln!(out, "| values a second | {:.0} |", self.values as f64 / self.seconds)?;
        let [half, most, slowest] = self.lag_ms;
        writeln!(out, "| lag, half / 99 of 100 / slowest: ms | {half} / {most} / {slowest} |")?;
        let share = |seconds: f64| 100.0 * seconds / self.seconds;
        writeln!(
            out,
            "| sender: % of a core, us per value | {:.1}, {:.2} |",
            share(self.sender_cpu_s),
            1e6 * per_value(self.sender_cpu_s)
        )?;
        writeln!(out, "| sender: MiB resident | {:.0} |", mib(self.sender_bytes))?;
        writeln!(out, "| wire: bytes per value | {:.2} |", per_value(self.wire_bytes as f64))?;
        if let (Some(cpu), Some(bytes)) = (self.receiver_cpu_s, self.receiver_bytes) {
            writeln!(
                out,
                "| receiver: % of a core, us per value | {:.1}, {:.2} |",
                share(cpu),
                1e6 * per_value(cpu)
            )?;
            writeln!(out, "| receiver: MiB resident | {:.0} |", mib(bytes))?;
        }
        Ok(())
    }
}
