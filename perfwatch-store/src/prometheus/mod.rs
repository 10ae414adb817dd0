//! An engine for many hosts: anything that takes Prometheus remote write and answers PromQL.
//!
//! VictoriaMetrics (one node or a cluster), Prometheus, Mimir and Thanos receive are such engines.
//! What is written is the view, one series per value ([`names`]), so that averages, minima and
//! maxima over a step are the engine's own functions. Beside them stand three series about hosts:
//! the time of every frame, of the first of every hour, and who writes. How long anything is kept
//! is the engine's own affair, and so is what it does with two samples of one time.

mod address;
mod ask;
mod asked;
mod batch;
mod cells;
mod client;
mod eras;
mod finest;
mod hosts;
mod hours;
mod judge;
mod message;
mod names;
mod newest;
mod promql;
mod range;
mod tls;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use perfwatch_core::{Table, series::Pattern};

use self::{
    address::Address, batch::Names, client::Client, finest::Finest, hosts::Roll, hours::Hours,
    message::Sample, names::Labels, promql::Windows,
};
use crate::{
    HostIdentity, HostInfo, HostNewest, ImportFrame, RangeAnswer, RangeQuery, Record,
    RetentionPolicy, RetentionReport, Selection, SeriesSummary, Store, StoreError, Usage,
    archive::TIMES, layout::SeriesInfo,
};

/// The longest that a request of a write may take: a server that vanished is noticed within ten
/// seconds.
const WRITE: Duration = Duration::from_secs(8);

/// What remote write says it is.
const HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/x-protobuf"),
    ("content-encoding", "snappy"),
    ("x-prometheus-remote-write-version", "0.1.0"),
];

/// Keeps frames in an engine.
#[derive(Debug)]
pub struct PrometheusStore {
    client: Client,
    names: Mutex<Names>,
    hours: Mutex<Hours>,
    /// What an import that goes on knows of its series.
    finest: Mutex<Finest>,
    /// What a window covers, and when that was found out.
    windows: Mutex<Option<(Instant, Windows)>>,
    /// What is known of the hosts, and until when; and how often this store changed that.
    roll: Mutex<Option<(Instant, Arc<Roll>)>>,
    changes: AtomicU64,
    /// The time of the last claim to a name.
    claimed_ms: AtomicI64,
    closed: AtomicBool,
}

impl PrometheusStore {
    /// An engine at `prometheus+http(s)://[user:password@]host:port[/path]`, with these parameters:
    /// `write` (the path, or the URL, that samples are sent to; `/path/api/v1/write` if it is not
    /// given), `token_file` (a bearer token), `ca_file` (PEM certificates to trust instead of the
    /// public ones), `label.NAME` (a label of every series, by which it is asked for too) and
    /// `header.NAME` (of every request, such as `X-Scope-OrgID`). Nothing is sent before it is used.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`], or [`StoreError::Unreadable`] if a file that it names is not there.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let client = Client::new(Address::parse(url)?)?;
        Ok(Self {
            names: Mutex::new(Names::new(client.address.labels.clone())),
            client,
            hours: Mutex::default(),
            finest: Mutex::default(),
            windows: Mutex::default(),
            roll: Mutex::default(),
            changes: AtomicU64::new(0),
            claimed_ms: AtomicI64::new(0),
            closed: AtomicBool::new(false),
        })
    }

    fn open(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Acquire) { Err(StoreError::closed()) } else { Ok(()) }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hours(&self) -> MutexGuard<'_, Hours> {
        self.hours.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finest(&self) -> MutexGuard<'_, Finest> {
        self.finest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All series of a host, each as often as it has other labels.
    async fn infos(&self, host: &str) -> Result<impl Iterator<Item = SeriesInfo>, StoreError> {
        let selector = self.of_host("", host).with("series", "!=", "");
        let labels =
            self.client.labels(&selector.text(), &(ask::EPOCH_MS..ask::horizon_ms())).await?;
        Ok(labels.into_iter().filter_map(|labels| names::series_of(&labels)))
    }

    /// Sends records and samples beside them; `fresh_ms` as in [`judge::taken`]. A batch that needs
    /// several requests and fails in the middle is sent anew as a whole: samples that are there
    /// already count once.
    async fn write(
        &self,
        records: &[Record],
        beside: &[(Labels, Sample)],
        fresh_ms: Option<i64>,
    ) -> Result<(), StoreError> {
        let bodies = self.names().requests(records, beside)?;
        for body in bodies {
            let uri = &self.client.address.write;
            judge::taken(&self.client.post(uri, &HEADERS, body, WRITE).await?, fresh_ms)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Store for PrometheusStore {
    fn kind(&self) -> &'static str {
        "prometheus"
    }

    async fn register(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        self.open()?;
        self.claim(host).await
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        self.open()?;
        if let Some(time) = records.iter().map(Record::timestamp_ms).find(|t| !TIMES.contains(t)) {
            let reason = format!("{time} ms is not between the years 1970 and 2527");
            return Err(StoreError::bad_query("timestamp", reason));
        }
        let (begun, marks, fresh_ms) = {
            let hours = self.hours();
            let begun = hours.begun(records);
            let marks = hours.marks(&begun, self.claim_time());
            (begun, marks, hours.fresh(records))
        };
        self.write(records, &marks, fresh_ms).await?;
        let has_marked = !begun.is_empty();
        self.hours().note(records, begun);
        if has_marked {
            self.forget_roll();
        }
        Ok(())
    }

    async fn import(
        &self,
        frames: &[ImportFrame],
        tables: &[&'static Table],
    ) -> Result<Option<u64>, StoreError> {
        self.open()?;
        for ImportFrame { host, .. } in frames {
            if !self.finest().knows(host) {
                let infos = self.infos(host).await?;
                self.finest().learn(host, infos);
            }
        }
        let frames: Vec<ImportFrame> = {
            let mut finest = self.finest();
            frames.iter().map(|frame| finest.refined(frame)).collect()
        };
        self.append(&ImportFrame::records(&frames, tables)?).await.map(|()| None)
    }

    async fn finish_import(&self) -> Result<(), StoreError> {
        *self.finest() = Finest::default();
        Ok(())
    }

    async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        query.validate()?;
        self.open()?;
        self.answer_range(query).await
    }

    async fn summary(&self, selection: &Selection) -> Result<Vec<SeriesSummary>, StoreError> {
        selection.validate()?;
        self.open()?;
        self.answer_summary(selection).await
    }

    async fn series(&self, host: &str) -> Result<Vec<String>, StoreError> {
        self.open()?;
        let infos = self.infos(host).await?;
        let mut paths: Vec<String> = infos.map(|info| info.path.to_string()).collect();
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        self.open()?;
        self.all_hosts().await
    }

    async fn newest(
        &self,
        patterns: &[Pattern],
        since_ms: i64,
    ) -> Result<Vec<HostNewest>, StoreError> {
        self.open()?;
        self.ask_newest(patterns, since_ms).await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        self.open()?;
        self.what_is_held().await
    }

    async fn apply_retention(
        &self,
        policy: &RetentionPolicy,
        _now_ms: i64,
    ) -> Result<RetentionReport, StoreError> {
        policy.validate()?;
        Err(StoreError::RetentionElsewhere)
    }

    fn keeps_policy(&self) -> bool {
        false
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}
