//! A store that fails as it is told.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use perfwatch_core::Table;
use perfwatch_store::{HostIdentity, ImportFrame, Layer, MemoryStore, Record, Store, StoreError};
use tokio::{sync::watch, time::sleep};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Works,
    Away,
    /// Says nothing until its mood changes.
    Hangs,
    /// Takes what it is given and never says so.
    Mute,
    /// Wants to be left alone for 100 s.
    Busy,
    /// Needs 0.1 s for each frame.
    Slow,
    /// The same, and gives up itself before anybody else does.
    Hasty,
    /// Fails in a way that nobody foresaw.
    Broken,
    /// Refuses whatever it is given.
    Refuses,
}

/// A memory store that can be told to fail.
pub(crate) struct Moody {
    pub(crate) store: MemoryStore,
    pub(crate) mood: watch::Sender<Mood>,
    pub(crate) appends: AtomicUsize,
    pub(crate) largest: AtomicUsize,
    /// Frames at these times are refused.
    pub(crate) refused: Mutex<BTreeSet<i64>>,
    /// Frames at these times make it fail in a way that nobody foresaw.
    pub(crate) breaks: Mutex<BTreeSet<i64>>,
    /// Frames before this time come too late.
    pub(crate) earliest: AtomicI64,
    /// What registered, in order.
    pub(crate) registered: Mutex<Vec<HostIdentity>>,
    /// The frames that it took, in the order in which each came first.
    pub(crate) taken: Mutex<Vec<(String, i64)>>,
}

impl Moody {
    pub(crate) fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            store: MemoryStore::default(),
            mood: watch::Sender::new(mood),
            appends: AtomicUsize::new(0),
            largest: AtomicUsize::new(0),
            refused: Mutex::default(),
            breaks: Mutex::default(),
            earliest: AtomicI64::new(0),
            registered: Mutex::default(),
            taken: Mutex::default(),
        })
    }

    /// What comes of being asked in this mood.
    async fn answer(&self) -> Result<(), StoreError> {
        let mut mood = self.mood.subscribe();
        let mood = *mood.wait_for(|mood| *mood != Mood::Hangs).await.unwrap();
        let reason = "gone fishing".to_owned();
        match mood {
            Mood::Works | Mood::Hangs | Mood::Mute | Mood::Slow | Mood::Hasty => Ok(()),
            Mood::Away => Err(StoreError::Unavailable { reason }),
            Mood::Busy => {
                Err(StoreError::Throttled { retry_after: Duration::from_secs(100), reason })
            }
            Mood::Refuses => Err(StoreError::Refused { reason: "too many series".into() }),
            Mood::Broken => Err(StoreError::Backend("the disk is upside down".into())),
        }
    }

    async fn keep(&self, records: &[Record]) -> Result<(), StoreError> {
        self.store.append(records).await?;
        let mut taken = self.taken.lock().unwrap();
        for record in records {
            let frame = (record.host.to_string(), record.timestamp_ms());
            if !taken.contains(&frame) {
                taken.push(frame);
            }
        }
        Ok(())
    }

    /// Takes the time that so many frames need.
    async fn toil(&self, frames: usize) -> Result<(), StoreError> {
        let needed = Duration::from_millis(100) * frames as u32;
        let patience = match *self.mood.borrow() {
            Mood::Slow => Duration::MAX,
            Mood::Hasty => Duration::from_millis(7900),
            _ => return Ok(()),
        };
        sleep(needed.min(patience)).await;
        match needed <= patience {
            true => Ok(()),
            false => Err(StoreError::Unavailable { reason: "that was too much".into() }),
        }
    }

    /// What comes of the frames themselves.
    fn judge(&self, records: &[Record]) -> Result<(), StoreError> {
        let is_any = |times: &Mutex<BTreeSet<i64>>| {
            let times = times.lock().unwrap();
            records.iter().any(|record| times.contains(&record.timestamp_ms()))
        };
        if is_any(&self.refused) {
            return Err(StoreError::Refused { reason: "one of these is bad".into() });
        }
        match is_any(&self.breaks) {
            true => Err(StoreError::Backend("one of these is odd".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Layer for Moody {
    fn inner(&self) -> &dyn Store {
        &self.store
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        self.appends.fetch_add(1, Ordering::Relaxed);
        self.largest.fetch_max(records.len(), Ordering::Relaxed);
        self.answer().await?;
        self.toil(records.len()).await?;
        self.judge(records)?;
        let earliest = self.earliest.load(Ordering::Relaxed);
        if records.iter().any(|record| record.timestamp_ms() < earliest) {
            return Err(StoreError::Late { reason: "out of bounds".into() });
        }
        self.keep(records).await?;
        while *self.mood.borrow() == Mood::Mute {
            sleep(Duration::from_secs(3600)).await;
        }
        Ok(())
    }

    async fn import(
        &self,
        frames: &[ImportFrame],
        tables: &[&'static Table],
    ) -> Result<Option<u64>, StoreError> {
        Layer::append(self, &ImportFrame::records(frames, tables)?).await.map(|()| None)
    }

    async fn register(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        self.answer().await?;
        self.registered.lock().unwrap().push(host.clone());
        // Another machine has every name but a distinct one.
        let is_distinct = host.id.get(..8).is_some_and(|digits| host.name.ends_with(digits));
        if is_distinct { Ok(Arc::clone(&host.name)) } else { Ok(host.distinct_name().into()) }
    }
}
