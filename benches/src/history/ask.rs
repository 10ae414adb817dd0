//! The questions, and how long their answers take.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use perfwatch_core::series::Pattern;
use perfwatch_store::{
    Aggregate, ChangesQuery, DEFAULT_MIN_EFFECT, RangeQuery, Selection, Step, Store, Window,
    changes, open,
};

use super::{DAY_MS, HOST, HOUR_MS, tables::TABLES};

/// The names of all questions; `year` is asked of a store filled by [`super::Year`] only.
pub const QUESTIONS: [&str; 7] = ["week", "hour", "sixteen", "compare", "all", "changes", "year"];

/// Cores of the made host: a question is asked of another one at each run.
const CORES: usize = 12;

/// Everything that a made host has, by depth.
const EVERYTHING: [&str; 3] = ["*.*", "*.*.*", "*.*.*.*"];

/// One answer.
#[derive(Clone, Debug, Default)]
pub struct Took {
    /// How long it took, in nanoseconds.
    pub ns: u64,
    /// How many series it has.
    pub series: usize,
    /// How many points each has.
    pub points: usize,
    /// How far they are apart, in milliseconds.
    pub step_ms: i64,
}

/// Series that a question is about.
pub enum Paths {
    /// These.
    Some(Vec<String>),
    /// All that there are.
    All,
}

/// Asks a store that was filled.
pub struct Asker {
    store: Arc<dyn Store>,
    /// Behind the newest frame.
    end_ms: i64,
    /// How long opening the store took.
    pub opened: Duration,
}

impl Asker {
    /// Opens the store in a file.
    ///
    /// # Errors
    /// What the store ran into, or that there is nothing in it.
    pub async fn open(path: &Path) -> Result<Self> {
        let start = Instant::now();
        let store = open(&format!("sqlite:{}", path.display())).await?.store;
        let opened = start.elapsed();
        Ok(Self { opened, ..Self::on(store).await? })
    }

    /// Asks a store that is open.
    ///
    /// # Errors
    /// What the store ran into, or that there is nothing in it.
    pub async fn on(store: Arc<dyn Store>) -> Result<Self> {
        let hosts = store.hosts().await?;
        let host = hosts.iter().find(|host| host.name == HOST);
        let end_ms = host.context("there is no made host in the store")?.last_seen_ms + 1;
        Ok(Self { store, end_ms, opened: Duration::ZERO })
    }

    /// The series that a question is about.
    pub fn paths(question: &str, run: usize) -> Paths {
        match question {
            "sixteen" => Paths::Some(some(run, 16)),
            "compare" => Paths::Some(some(run, 10)),
            "week" | "hour" => Paths::Some(vec![core(run)]),
            _ => Paths::All,
        }
    }

    /// Asks once; `run` says of which series, where it does not matter.
    ///
    /// # Errors
    /// What the store ran into, or that its answer has no values.
    pub async fn ask(&self, question: &str, run: usize) -> Result<Took> {
        let core = [core(run)];
        match question {
            "week" => self.range(&core, 7 * DAY_MS, Step::Auto, 1000).await,
            "hour" => self.range(&core, HOUR_MS, Step::Raw, 1000).await,
            "sixteen" => self.range(&some(run, 16), DAY_MS, Step::Auto, 300).await,
            "all" => {
                let step = Step::Every(Duration::from_secs(3600));
                self.range(&EVERYTHING.map(String::from), 7 * DAY_MS, step, 1000).await
            }
            "year" => {
                let series = [format!("year.{}.usage_percent", run % 8)];
                self.range(&series, 365 * DAY_MS, Step::Auto, 1000).await
            }
            "compare" => self.compare(&some(run, 10)).await,
            "changes" => self.changes().await,
            other => bail!("`{other}` is none of {}", QUESTIONS.join(", ")),
        }
    }

    async fn range(&self, paths: &[String], length: i64, step: Step, limit: usize) -> Result<Took> {
        let selection = self.selection(paths, self.end_ms, length)?;
        let query = RangeQuery { selection, step, limit, aggregates: vec![Aggregate::Avg] };
        let start = Instant::now();
        let answer = self.store.range(&query).await?;
        let ns = nanoseconds(start);
        let values = answer.series.iter().flat_map(|series| &series.values).flatten().count();
        ensure!(values > 0 && answer.damaged == 0, "no values in {:?}", query.selection);
        let (series, points) = (answer.series.len(), answer.timestamps_ms.len());
        Ok(Took { ns, series, points, step_ms: answer.step_ms })
    }

    /// The averages of the last hour and of the same hour a day before.
    async fn compare(&self, paths: &[String]) -> Result<Took> {
        let now = self.selection(paths, self.end_ms, HOUR_MS)?;
        let before = self.selection(paths, self.end_ms - DAY_MS, HOUR_MS)?;
        let start = Instant::now();
        let answers = tokio::try_join!(self.store.summary(&now), self.store.summary(&before))?;
        let ns = nanoseconds(start);
        ensure!(
            [answers.0.len(), answers.1.len()] == [paths.len(); 2],
            "{} of {} series before",
            answers.1.len(),
            paths.len()
        );
        Ok(Took { ns, series: paths.len(), points: 2, step_ms: HOUR_MS })
    }

    /// What changed over every series between two windows: days, if so much is stored.
    async fn changes(&self) -> Result<Took> {
        let window = |days: i64| Window {
            start_ms: self.end_ms - (days + 1) * DAY_MS,
            end_ms: self.end_ms - days * DAY_MS,
        };
        let query = ChangesQuery {
            host: HOST.to_owned(),
            before: window(1),
            after: window(0),
            min_effect: DEFAULT_MIN_EFFECT,
            limit: 50,
        };
        let start = Instant::now();
        let found = changes(&*self.store, &query, &TABLES).await?;
        let ns = nanoseconds(start);
        ensure!(found.series > 0 && found.points_after > 0, "nothing to compare: {found:?}");
        Ok(Took { ns, series: found.series, points: found.points_after, step_ms: found.step_ms })
    }

    fn selection(&self, paths: &[String], end_ms: i64, length: i64) -> Result<Selection> {
        let patterns = paths.iter().map(|path| Ok(Pattern::parse(path)?));
        let patterns = patterns.collect::<Result<_>>()?;
        Ok(Selection { host: HOST.to_owned(), patterns, start_ms: end_ms - length, end_ms })
    }

    /// The time behind the newest frame, in milliseconds since 1970 (UTC).
    pub fn end_ms(&self) -> i64 {
        self.end_ms
    }

    /// Closes the store.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

fn core(run: usize) -> String {
    format!("cpu.cores.{}.user_percent", run % CORES)
}

/// So many series of several kinds, beginning with another core at each run.
fn some(run: usize, count: usize) -> Vec<String> {
    let fields = ["usage_percent", "system_percent"];
    let cores = fields.iter().flat_map(|field| {
        (0..4).map(move |core| format!("cpu.cores.{}.{field}", (run + core) % CORES))
    });
    let others = [
        "memory.available_bytes",
        "network.interfaces.eth0.received_bytes_per_sec",
        "disk.devices.nvme0n1.written_bytes_per_sec",
        "system.switches_per_sec",
        "network.interfaces.eth0.sent_bytes_per_sec",
        "disk.devices.nvme0n1.busy_percent",
        "memory.cached_bytes",
        "sensors.core0.temperature_celsius",
    ];
    let (few, many) = (count / 2, count - count / 2);
    let others = others.iter().take(few).map(|path| (*path).to_owned());
    cores.take(many).chain(others).collect()
}

fn nanoseconds(start: Instant) -> u64 {
    start.elapsed().as_nanos() as u64
}
