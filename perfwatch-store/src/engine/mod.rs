//! A store over any backend: what is appended, sealed, asked and thrown away again.
//!
//! Frames are kept one by one until their hour is over, then sealed into a slice, and the slices
//! of a day into one. Packing needs no lock: it is done on what was read, and a short transaction
//! puts it in place. Whoever reads meanwhile may see a frame twice, never not at all, and counts it
//! once. Only one thing at a time changes slices (`keeping`); appending goes on meanwhile.

mod append;
mod ask;
mod contents;
#[cfg(feature = "exchange")]
mod extract;
mod glance;
mod hosts;
mod import;
mod keep;
mod load;
mod recent;
mod seal;
mod verify;
mod warm;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

use tokio::sync::Mutex as AsyncMutex;

use crate::{
    StoreError,
    archive::{Files, Shelf},
    damage::{Damage, Damaged},
    head::Head,
    layout::Index,
    registry::Registry,
};
pub(crate) use append::{Late, due_before};
pub use contents::{HostContents, SliceBytes};
pub(crate) use hosts::newest_of_rows;
use recent::Recent;
pub(crate) use verify::damaged_ranges;
pub use verify::{DamagedRange, Progress};

/// How many directories are read in one transaction where all are.
const AT_ONCE: usize = 32;

/// When frames are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sealing {
    /// When their hour is over and late ones had their time.
    Hourly,
    /// With each append: for tests, which would have to wait for hours otherwise.
    AtOnce,
    /// Never.
    Never,
}

/// A store over some files.
#[derive(Debug)]
pub(crate) struct Engine<F> {
    pub(crate) files: F,
    pub(crate) index: Mutex<Index>,
    pub(crate) head: Mutex<Head>,
    registry: Mutex<Registry>,
    damage: Damage,
    sealing: Sealing,
    closed: AtomicBool,
    /// Held while frames are written. `true` after a write of which nothing is known.
    turn: AsyncMutex<bool>,
    /// Held while slices are changed.
    keeping: AsyncMutex<()>,
    /// The hour up to which sealing was last begun.
    sealed_until_ms: AtomicI64,
    /// What is known of the newest slices.
    recent: Mutex<Recent>,
    /// How often slices were changed, twice each: odd while they are.
    changes: AtomicU64,
}

impl<F: Files> Engine<F> {
    pub(crate) fn new(files: F, index: Index, sealing: Sealing) -> Self {
        Self {
            files,
            index: Mutex::new(index),
            head: Mutex::default(),
            registry: Mutex::default(),
            damage: Damage::default(),
            sealing,
            closed: AtomicBool::new(false),
            turn: AsyncMutex::new(false),
            keeping: AsyncMutex::default(),
            sealed_until_ms: AtomicI64::new(i64::MIN),
            recent: Mutex::default(),
            changes: AtomicU64::new(0),
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of the newest slice of a host.
    fn sliced_until(&self, host: u32) -> i64 {
        self.index().get(host).map_or(0, |host| host.sliced_until_ms.max(0))
    }

    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn head(&self) -> MutexGuard<'_, Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who writes under which name.
    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<(), StoreError> {
        match self.closed.load(Ordering::Acquire) {
            true => Err(StoreError::closed()),
            false => Ok(()),
        }
    }

    /// Refuses what comes from now on, and waits for what is being done.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let _keeping = self.keeping.lock().await;
        let _turn = self.turn.lock().await;
    }

    pub(crate) fn shelves(&self) -> Vec<Vec<Shelf>> {
        self.index().shelves()
    }

    /// How much was found damaged since the opening.
    pub(crate) fn damaged(&self) -> u64 {
        self.damage.count()
    }

    pub(crate) fn note(&self, damaged: &[Damaged]) {
        if !damaged.is_empty() {
            self.damage.note(damaged, &self.index());
        }
    }
}

/// Runs work that takes the processor for long where nobody waits for it.
async fn work<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::unavailable(error.to_string()))
}

/// An engine that may go on by itself.
pub(crate) type Shared<F> = Arc<Engine<F>>;
