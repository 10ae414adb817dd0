//! Many hosts in one process, each with the writer that a daemon has, onto one engine or database.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use perfwatch_core::series::Pattern;
use perfwatch_store::{BatchMetricsWriter, HostIdentity, Record, Store, WriterOptions, open};
use tokio::time::{Instant as TokioInstant, sleep, sleep_until};

use super::{
    lag::{Lagging, Lags, now_ms},
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
    /// Bytes on an engine's disk per value, once all is there.
    pub disk: Option<f64>,
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
    /// CPU time of all other processes of the machine in seconds.
    pub others_cpu_s: f64,
    /// What an engine says of itself.
    pub received: Option<Received>,
}

impl Stretch {
    /// Values in its frames.
    pub fn values(&self) -> f64 {
        (self.frames * VALUES) as f64
    }
}

/// The hosts and what they send to.
struct Senders {
    hosts: Vec<Host>,
    lags: Lags,
    /// An engine, which says what that costs it.
    receiver: Option<Receiver>,
    /// Frames that were pushed so far.
    pushed: u64,
}

/// One host: its frames to come, and its way to the store.
struct Host {
    name: Arc<str>,
    frames: MadeHost,
    store: Arc<Lagging>,
    writer: BatchMetricsWriter,
}

/// Sends the frames of so many hosts for so long, one each 5 s, evenly spread, to the store at this
/// URL: an engine at `prometheus+http://HOST:PORT`, through connections that all hosts share, or an
/// empty database at `postgres://...`, where each has its own.
///
/// # Errors
/// What the store ran into, or if it did not take everything.
pub async fn fleet(url: &str, hosts: usize, length: Duration) -> Result<Fleet> {
    let made: Vec<MadeHost> =
        (0..hosts).map(|number| MadeHost::seeded(Kind::Busy, number as u64)).collect();
    let (memory, before) = (Memory::read()?.now, load()?);
    let mut senders = Senders::onto(url, made).await?;
    let interval = Duration::from_millis(INTERVAL_MS.unsigned_abs());
    let first = senders.stretch(interval * FIRST).await?;
    let steady = senders.stretch(length).await?;
    let sender_bytes = Memory::read()?.now.saturating_sub(memory);
    let overview_ms = senders.overview_ms().await?;
    let mut dropped = 0;
    for host in &senders.hosts {
        dropped += host.writer.shutdown(LAST).await.dropped;
        host.store.close().await;
    }
    let disk = match &senders.receiver {
        Some(receiver) => {
            receiver.flush()?;
            Some(receiver.read()?.disk / (first.values() + steady.values()))
        }
        None => None,
    };
    let load = [before, load()?];
    Ok(Fleet { hosts, first, steady, overview_ms, dropped, sender_bytes, disk, load })
}

fn host(number: usize, frames: MadeHost, store: Arc<Lagging>) -> Host {
    let name: Arc<str> = format!("host-{number:05}").into();
    let identity = HostIdentity {
        name: Arc::clone(&name),
        id: format!("{number:032x}").into(),
        interval_ms: INTERVAL_MS.unsigned_abs(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let options = WriterOptions { identity: Some(identity), ..WriterOptions::default() };
    let writer = BatchMetricsWriter::spawn(Arc::clone(&store) as Arc<dyn Store>, options);
    Host { name, frames, store, writer }
}

impl Senders {
    async fn onto(url: &str, made: Vec<MadeHost>) -> Result<Self> {
        let authority = url.strip_prefix("prometheus+http://");
        let receiver = authority.map(|authority| Receiver(authority.to_owned()));
        let lags = Lags::default();
        let mut shared = Arc::new(Lagging::new(open(url).await?.store, &lags));
        let mut hosts = Vec::new();
        for (number, frames) in made.into_iter().enumerate() {
            if receiver.is_none() && number > 0 {
                shared = Arc::new(Lagging::new(open(url).await?.store, &lags));
            }
            hosts.push(host(number, frames, Arc::clone(&shared)));
        }
        Ok(Self { hosts, lags, receiver, pushed: 0 })
    }

    /// Sends for so long, waits until the store has everything, and says what that took.
    async fn stretch(&mut self, length: Duration) -> Result<Stretch> {
        let before = self.received()?;
        let (start, cpu, pushed) = (Instant::now(), process_cpu_ns()?, self.pushed);
        let machine = machine_cpu_s()?;
        let made_ns = self.send(length).await?;
        let patience = Instant::now() + LAST;
        while self.stored() < self.pushed && Instant::now() < patience {
            sleep(Duration::from_millis(20)).await;
        }
        let frames = self.pushed - pushed;
        ensure!(self.stored() == self.pushed, "the store did not take all of {frames} frames");
        let lags = self.lags.take();
        let part = |share: f64| lags.get(((lags.len() - 1) as f64 * share) as usize).copied();
        ensure!(!lags.is_empty(), "the store took nothing");
        let used_s = (process_cpu_ns()? - cpu) as f64 / 1e9;
        Ok(Stretch {
            seconds: start.elapsed().as_secs_f64(),
            frames,
            lag_ms: [0.5, 0.99, 1.0].map(|share| part(share).unwrap_or_default()),
            sender_cpu_s: used_s - made_ns as f64 / 1e9,
            others_cpu_s: machine_cpu_s()? - machine - used_s,
            received: self.received()?.zip(before).map(|(now, before)| now.since(&before)),
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

    fn received(&self) -> Result<Option<Received>> {
        self.receiver.as_ref().map(Receiver::read).transpose()
    }

    /// How long what the dashboard asks takes when somebody looks at all hosts.
    async fn overview_ms(&self) -> Result<f64> {
        let patterns: Result<Vec<Pattern>, _> = VITALS.split(' ').map(Pattern::parse).collect();
        let (patterns, mut took) = (patterns?, Vec::new());
        let store = &self.hosts.first().context("there are no hosts")?.store;
        // An engine shows what it was sent last a little later.
        sleep(Duration::from_secs(2)).await;
        for _ in 0..OVERVIEWS {
            let start = Instant::now();
            let listed = store.hosts().await?.len();
            let newest = store.newest(&patterns, now_ms() - LATELY_MS).await?;
            took.push(start.elapsed().as_secs_f64() * 1e3);
            let values: usize = newest.iter().map(|host| host.values.len()).sum();
            let expected = self.hosts.len() * patterns.len();
            ensure!(
                listed == self.hosts.len() && values == expected,
                "hosts or values are missing"
            );
        }
        took.sort_by(f64::total_cmp);
        took.get(OVERVIEWS / 2).copied().context("nothing was asked")
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

/// What all processes of the machine have used of its CPUs, in seconds.
fn machine_cpu_s() -> Result<f64> {
    let text = fs::read_to_string("/proc/stat").context("/proc/stat cannot be read")?;
    let ticks = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<u64> = ticks.filter_map(|ticks| ticks.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, ..] = ticks.as_slice() else {
        bail!("/proc/stat does not begin with the CPUs");
    };
    Ok((user + nice + system + irq + softirq) as f64 / 100.0)
}
