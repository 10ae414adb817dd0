//! A thousand hosts in one process, each with the writer that a daemon has, onto one engine.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use perfwatch_core::series::Pattern;
use perfwatch_store::{BatchMetricsWriter, HostIdentity, Record, Store, WriterOptions, open};
use tokio::time::{Instant as TokioInstant, sleep, sleep_until};

use super::{
    lag::{Lagging, now_ms},
    receiver::{Received, Receiver},
};
use crate::{
    history::{INTERVAL_MS, Kind, MadeHost, Memory},
    process_cpu_ns, thread_cpu_ns,
};

/// What a made host has at each tick.
const VALUES: u64 = 200;

/// How long the store may take for what waits at the end.
const LAST: Duration = Duration::from_secs(30);

/// Before anything is measured every host sends so many frames: the first makes its series.
const FIRST: u32 = 2;

/// Five percentages of each host: as many as an overview shows.
const VITALS: &str = "cpu.usage_percent cpu.user_percent cpu.system_percent cpu.iowait_percent \
                      cpu.idle_percent";

/// So often an overview is asked for.
const OVERVIEWS: usize = 9;

/// Frames of so long are looked at for an overview: three of each host.
const LATELY_MS: i64 = 3 * INTERVAL_MS;

/// What a fleet cost, and how it went.
#[derive(Debug, Default)]
pub struct Fleet {
    /// How many hosts.
    pub hosts: usize,
    /// The first frames of all hosts, which register and make their series.
    pub first: Stretch,
    /// All frames behind them.
    pub steady: Stretch,
    /// How long it takes to list all hosts with their newest values, in milliseconds: the median.
    pub overview_ms: f64,
    /// Frames that were given up.
    pub dropped: u64,
    /// Resident memory of this process at the end without that of the made hosts, in bytes.
    pub sender_bytes: u64,
    /// Bytes on the receiver's disk per value, once all is there.
    pub disk: f64,
    /// The machine's load average over a minute, before and after.
    pub load: [String; 2],
}

/// A part of the time.
#[derive(Debug, Default)]
pub struct Stretch {
    /// How long it was, in seconds.
    pub seconds: f64,
    /// Frames that the store acknowledged.
    pub frames: u64,
    /// How long a frame took from its moment until it was acknowledged, in milliseconds: half of
    /// them, 99 of 100, and the slowest.
    pub lag_ms: [i64; 3],
    /// CPU time of this process in seconds, making the frames not counted.
    pub sender_cpu_s: f64,
    /// What the receiver says.
    pub received: Received,
}

impl Stretch {
    /// Values in its frames.
    pub fn values(&self) -> f64 {
        (self.frames * VALUES) as f64
    }
}

/// The hosts, their store and its server.
struct Senders {
    hosts: Vec<Host>,
    store: Arc<Lagging>,
    receiver: Receiver,
    /// Frames that were pushed so far.
    pushed: u64,
}

/// One host: its frames to come, and its way to the store.
struct Host {
    name: Arc<str>,
    frames: MadeHost,
    writer: BatchMetricsWriter,
}

/// Sends the frames of so many hosts for so long, one each 5 s, evenly spread, to the engine at
/// this host and port.
///
/// # Errors
/// What the store ran into, or if it did not take everything.
pub async fn fleet(authority: &str, hosts: usize, length: Duration) -> Result<Fleet> {
    let store =
        Arc::new(Lagging::new(open(&format!("prometheus+http://{authority}")).await?.store));
    let made: Vec<MadeHost> =
        (0..hosts).map(|number| MadeHost::seeded(Kind::Busy, number as u64)).collect();
    let (memory, before) = (Memory::read()?.now, load()?);
    let hosts_of = made.into_iter().enumerate();
    let receiver = Receiver(authority.to_owned());
    let all = hosts_of.map(|(number, frames)| host(number, frames, &store)).collect();
    let mut senders = Senders { hosts: all, store, receiver, pushed: 0 };
    let interval = Duration::from_millis(INTERVAL_MS.unsigned_abs());
    let first = senders.stretch(interval * FIRST).await?;
    let steady = senders.stretch(length).await?;
    let sender_bytes = Memory::read()?.now.saturating_sub(memory);
    let overview_ms = overview_ms(&*senders.store, hosts).await?;
    let mut dropped = 0;
    for host in &senders.hosts {
        dropped += host.writer.shutdown(LAST).await.dropped;
    }
    senders.store.close().await;
    senders.receiver.flush()?;
    let disk = senders.receiver.read()?.disk / (first.values() + steady.values());
    let load = [before, load()?];
    Ok(Fleet { hosts, first, steady, overview_ms, dropped, sender_bytes, disk, load })
}

/// What the dashboard asks when somebody looks at all hosts.
async fn overview_ms(store: &dyn Store, hosts: usize) -> Result<f64> {
    let patterns: Result<Vec<Pattern>, _> = VITALS.split(' ').map(Pattern::parse).collect();
    let (patterns, mut took) = (patterns?, Vec::new());
    // An engine shows what it was sent last a little later.
    sleep(Duration::from_secs(2)).await;
    for _ in 0..OVERVIEWS {
        let start = Instant::now();
        let listed = store.hosts().await?.len();
        let newest = store.newest(&patterns, now_ms() - LATELY_MS).await?;
        took.push(start.elapsed().as_secs_f64() * 1e3);
        let values: usize = newest.iter().map(|host| host.values.len()).sum();
        ensure!(listed == hosts && values == hosts * patterns.len(), "hosts or values are missing");
    }
    took.sort_by(f64::total_cmp);
    took.get(OVERVIEWS / 2).copied().context("nothing was asked")
}

fn host(number: usize, frames: MadeHost, store: &Arc<Lagging>) -> Host {
    let name: Arc<str> = format!("host-{number:05}").into();
    let identity = HostIdentity {
        name: Arc::clone(&name),
        id: format!("{number:032x}").into(),
        interval_ms: INTERVAL_MS.unsigned_abs(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let options = WriterOptions { identity: Some(identity), ..WriterOptions::default() };
    let store = Arc::clone(store) as Arc<dyn Store>;
    Host { name, frames, writer: BatchMetricsWriter::spawn(store, options) }
}

impl Senders {
    /// Sends for so long, waits until the store has everything, and says what that took.
    async fn stretch(&mut self, length: Duration) -> Result<Stretch> {
        let before = self.receiver.read()?;
        let (start, cpu, pushed) = (Instant::now(), process_cpu_ns()?, self.pushed);
        let made_ns = self.send(length).await?;
        let patience = Instant::now() + LAST;
        while self.stored() < self.pushed && Instant::now() < patience {
            sleep(Duration::from_millis(20)).await;
        }
        let frames = self.pushed - pushed;
        ensure!(self.stored() == self.pushed, "the store did not take all of {frames} frames");
        let lags = self.store.take();
        let part = |share: f64| lags.get(((lags.len() - 1) as f64 * share) as usize).copied();
        ensure!(!lags.is_empty(), "the store took nothing");
        Ok(Stretch {
            seconds: start.elapsed().as_secs_f64(),
            frames,
            lag_ms: [0.5, 0.99, 1.0].map(|share| part(share).unwrap_or_default()),
            sender_cpu_s: (process_cpu_ns()? - cpu).saturating_sub(made_ns) as f64 / 1e9,
            received: self.receiver.read()?.since(&before),
        })
    }

    /// Says how long making the frames took, in nanoseconds of CPU.
    async fn send(&mut self, length: Duration) -> Result<u64> {
        let begun = TokioInstant::now();
        let count = u32::try_from(self.hosts.len())?;
        let between = Duration::from_millis(INTERVAL_MS.unsigned_abs()) / count;
        let mut made_ns = 0;
        for turn in 0.. {
            for (number, host) in (0..).zip(&mut self.hosts) {
                let at = between * (turn * count + number);
                if at >= length {
                    return Ok(made_ns);
                }
                sleep_until(begun + at).await;
                let before = thread_cpu_ns()?;
                let mut view = host.frames.next().context("a made host has no end")?;
                view.timestamp_ms = now_ms();
                made_ns += thread_cpu_ns()? - before;
                host.writer.push(Record::new(Arc::clone(&host.name), Arc::new(view)));
                self.pushed += 1;
            }
        }
        Ok(made_ns)
    }

    fn stored(&self) -> u64 {
        self.hosts.iter().map(|host| host.writer.counts().stored).sum()
    }
}

/// The load average over a minute.
fn load() -> Result<String> {
    let text = fs::read_to_string("/proc/loadavg").context("/proc/loadavg cannot be read")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}
