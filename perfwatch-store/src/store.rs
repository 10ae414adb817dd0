//! The trait of everything that keeps frames.

use std::sync::Arc;

use crate::query::LAST_MS;
use crate::{
    DamagedRange, ImportFrame, RangeAnswer, RangeQuery, Record, RetentionPolicy, RetentionReport,
    Selection, SeriesSummary, StoreError,
};
use async_trait::async_trait;
use perfwatch_core::{Table, series::Pattern};

/// A host that writes frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIdentity {
    /// What it calls itself. Two machines may have the same name.
    pub name: Arc<str>,
    /// What no other machine has: 32 hexadecimal digits that stay the same for ever.
    pub id: Arc<str>,
    /// How often it is sampled, in milliseconds.
    pub interval_ms: u64,
    /// The version of PerfWatch that runs there.
    pub version: Arc<str>,
}

impl HostIdentity {
    /// The name that its frames are kept under where another machine has its own: with the first
    /// eight digits of its id behind it.
    pub fn distinct_name(&self) -> String {
        format!("{}-{}", self.name, self.id.get(..8).unwrap_or(&self.id))
    }
}

/// A host that the store holds frames of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostInfo {
    /// Its name.
    pub name: String,
    /// The oldest time held, in milliseconds since 1970 (UTC).
    pub first_seen_ms: i64,
    /// The newest time held, in milliseconds since 1970 (UTC).
    pub last_seen_ms: i64,
    /// The [`HostIdentity::id`] of the machine that writes under this name, if one registered.
    pub id: Option<String>,
    /// How often it is sampled, in milliseconds, if it registered.
    pub interval_ms: Option<u64>,
    /// The version of PerfWatch that runs there, if it registered.
    pub version: Option<String>,
}

/// The newest value of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct NewestValue {
    /// The series' name.
    pub path: String,
    /// The value.
    pub value: f64,
}

/// What a host said last.
#[derive(Clone, Debug, PartialEq)]
pub struct HostNewest {
    /// The host's name.
    pub host: String,
    /// The series that have a value, by path.
    pub values: Vec<NewestValue>,
}

/// Frames in the form in which they stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TierUsage {
    /// How many.
    pub frames: u64,
    /// Their bytes, without what the database needs around them.
    pub bytes: u64,
}

impl TierUsage {
    /// Bytes per frame; nothing where there is none.
    pub fn frame_bytes(&self) -> Option<f64> {
        (self.frames > 0).then(|| self.bytes as f64 / self.frames as f64)
    }
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on disk, or in memory where there is no disk. A log that only bridges the time until
    /// its content is in the file itself (4 MiB beside SQLite's) is not in it.
    pub bytes: u64,
    /// Frames at full resolution.
    pub frames: u64,
    /// Downsampled frames.
    pub downsampled_frames: u64,
    /// What is packed at full resolution: all frames but those of the last hour or two.
    pub packed: TierUsage,
    /// What is packed of downsampled frames: all of them.
    pub packed_downsampled: TierUsage,
    /// The oldest time held, in milliseconds since 1970 (UTC).
    pub oldest_ms: Option<i64>,
    /// The newest time held, in milliseconds since 1970 (UTC).
    pub newest_ms: Option<i64>,
    /// What was found damaged since the store was opened: frames, and stretches of series whose
    /// checksum is wrong. They are never shown.
    pub damaged: u64,
}

/// Keeps the frames of any number of hosts.
///
/// A (host, timestamp) appended twice counts once, and frames may arrive in any order of time.
/// Times are milliseconds since 1970 (UTC); ranges include their start and not their end.
#[async_trait]
pub trait Store: Send + Sync {
    /// The backend's name, such as `sqlite`.
    fn kind(&self) -> &'static str;

    /// Says who writes, and returns the name that its frames are to be appended under: its own, or
    /// [`HostIdentity::distinct_name`] if a machine with another id has that already. The first to
    /// register a name keeps it, also where frames are held that nobody registered for. Called
    /// before the first append; again, it renews interval and version.
    async fn register(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        Ok(Arc::clone(&host.name))
    }

    /// Keeps these frames: all of them or, on an error, none. When it returns, they are durable. Only
    /// where a host has too many series does an error say what was left out of frames that are kept
    /// ([`StoreError::TooManySeries`]).
    async fn append(&self, records: &[Record]) -> Result<(), StoreError>;

    /// Keeps frames of another place, of any age, under the names of their hosts: all of them or, on
    /// an error, none. A (host, timestamp) that is there stays as it is; how many were not, where
    /// the store tells. `tables` say which part of a series' name is a row. This default appends:
    /// what becomes of a frame that is there is as [`Self::append`] has it.
    async fn import(
        &self,
        frames: &[ImportFrame],
        tables: &[&'static Table],
    ) -> Result<Option<u64>, StoreError> {
        self.append(&ImportFrame::records(frames, tables)?).await.map(|()| None)
    }

    /// How many frames are best given to [`Self::import`] at once.
    fn import_size(&self) -> usize {
        256
    }

    /// Ends an import: packs the hours that it made complete. What was imported stays either way.
    async fn finish_import(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Series over a range, as points. A host that is not known has no points.
    async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError>;

    /// Each series over a range, as one figure per aggregate; series without a value are left out.
    async fn summary(&self, selection: &Selection) -> Result<Vec<SeriesSummary>, StoreError>;

    /// The paths of all series of a host that ever had a value, in order.
    async fn series(&self, host: &str) -> Result<Vec<String>, StoreError>;

    /// All hosts that frames are held of, by name.
    async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError>;

    /// The newest value since a time of each of these series, for every host that has one, by name:
    /// what an overview of all hosts shows. A backend that can answers with one question; this
    /// default asks one per host that was seen since then.
    async fn newest(
        &self,
        patterns: &[Pattern],
        since_ms: i64,
    ) -> Result<Vec<HostNewest>, StoreError> {
        let mut newest = Vec::new();
        for HostInfo { name, .. } in
            self.hosts().await?.into_iter().filter(|host| host.last_seen_ms >= since_ms)
        {
            let (patterns, start_ms) = (patterns.to_vec(), since_ms.max(0));
            let selection = Selection { host: name.clone(), patterns, start_ms, end_ms: LAST_MS };
            let values = newest_of(self.summary(&selection).await?);
            if !values.is_empty() {
                newest.push(HostNewest { host: name, values });
            }
        }
        Ok(newest)
    }

    /// What is held.
    async fn usage(&self) -> Result<Usage, StoreError>;

    /// Whether [`Self::apply_retention`] does anything here. An engine keeps things as long as its
    /// own flags say, and knows neither frames nor bytes of one program: they are 0 in its
    /// [`Usage`] where they are not known.
    fn keeps_policy(&self) -> bool {
        true
    }

    /// Downsamples and deletes what the policy says, in small steps between which appends go on.
    /// `now_ms` is the wall clock; ages count from the newest stored time where that is older,
    /// and never from a time that the clock only jumped to (see [`RetentionReport::note`]).
    /// [`StoreError::RetentionElsewhere`] where [`Self::keeps_policy`] says no.
    async fn apply_retention(
        &self,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) -> Result<RetentionReport, StoreError>;

    /// What was found damaged and left out since the store was opened: the first hundred.
    fn damaged(&self) -> Vec<DamagedRange> {
        Vec::new()
    }

    /// Reads everything that is stored, and names what is damaged. Nothing is changed. A store
    /// that keeps no bytes has nothing to damage.
    async fn verify(&self) -> Result<Vec<DamagedRange>, StoreError> {
        Ok(Vec::new())
    }

    /// Ends all work and lets go of the file. Later calls fail with [`StoreError::Unavailable`].
    async fn close(&self);
}

/// The newest values in an answer about whole ranges.
pub(crate) fn newest_of(summaries: Vec<SeriesSummary>) -> Vec<NewestValue> {
    let newest = summaries.into_iter();
    newest.map(|series| NewestValue { path: series.path, value: series.last }).collect()
}

/// Implements [`Store`] by what a backend has in `engine`; all backends answer alike.
macro_rules! implement {
    ($store:ty, $kind:literal) => {
        #[async_trait::async_trait]
        impl crate::Store for $store {
            fn kind(&self) -> &'static str {
                $kind
            }

            async fn register(
                &self,
                host: &crate::HostIdentity,
            ) -> Result<std::sync::Arc<str>, crate::StoreError> {
                self.engine.register(host).await
            }

            async fn append(&self, records: &[crate::Record]) -> Result<(), crate::StoreError> {
                self.append_records(records).await
            }

            async fn import(
                &self,
                frames: &[crate::ImportFrame],
                _tables: &[&'static perfwatch_core::Table],
            ) -> Result<Option<u64>, crate::StoreError> {
                self.import_frames(frames).await.map(Some)
            }

            fn import_size(&self) -> usize {
                1000
            }

            async fn finish_import(&self) -> Result<(), crate::StoreError> {
                self.engine.seal_imported().await
            }

            async fn range(
                &self,
                query: &crate::RangeQuery,
            ) -> Result<crate::RangeAnswer, crate::StoreError> {
                self.engine.range(query).await
            }

            async fn summary(
                &self,
                selection: &crate::Selection,
            ) -> Result<Vec<crate::SeriesSummary>, crate::StoreError> {
                self.engine.summary(selection).await
            }

            async fn series(&self, host: &str) -> Result<Vec<String>, crate::StoreError> {
                self.engine.series(host)
            }

            async fn hosts(&self) -> Result<Vec<crate::HostInfo>, crate::StoreError> {
                self.engine.hosts().await
            }

            async fn newest(
                &self,
                patterns: &[perfwatch_core::series::Pattern],
                since_ms: i64,
            ) -> Result<Vec<crate::HostNewest>, crate::StoreError> {
                self.engine.newest(patterns, since_ms).await
            }

            async fn usage(&self) -> Result<crate::Usage, crate::StoreError> {
                let usage = self.engine.usage().await?;
                Ok(crate::Usage { bytes: usage.bytes + self.head_bytes(), ..usage })
            }

            async fn apply_retention(
                &self,
                policy: &crate::RetentionPolicy,
                now_ms: i64,
            ) -> Result<crate::RetentionReport, crate::StoreError> {
                crate::retention::apply(&self.engine, policy, now_ms).await
            }

            fn damaged(&self) -> Vec<crate::DamagedRange> {
                self.engine.damaged_ranges()
            }

            async fn verify(&self) -> Result<Vec<crate::DamagedRange>, crate::StoreError> {
                self.engine.verify(&|_| ()).await
            }

            async fn close(&self) {
                self.close_files().await;
            }
        }
    };
}

pub(crate) use implement;
