//! The store in memory: a ring of frames, gone when the process ends.
//!
//! For tests, the command line and embedders. Bodies lie in one ordered map; where it would hold
//! more frames than it may, the oldest go.

mod access;
mod accounts;
mod bodies;
mod store;

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use access::Access;
pub use accounts::MemoryAccounts;
use bodies::Bodies;

use crate::{StoreError, damage::Damage, layout::Index};

/// Three days at the default interval.
const DEFAULT_FRAMES: usize = 3 * 24 * 720;

/// Keeps the newest frames in memory.
#[derive(Debug)]
pub struct MemoryStore {
    most_frames: u64,
    closed: AtomicBool,
    index: Mutex<Index>,
    /// Held for reading as long as a query runs, so that it sees one moment.
    bodies: RwLock<Bodies>,
    damage: Damage,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_FRAMES)
    }
}

impl MemoryStore {
    /// A store of at most this many frames at full resolution.
    pub fn with_capacity(frames: usize) -> Self {
        Self {
            most_frames: frames.max(1) as u64,
            closed: AtomicBool::new(false),
            index: Mutex::default(),
            bodies: RwLock::default(),
            damage: Damage::default(),
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self) -> Result<Access<'_, RwLockReadGuard<'_, Bodies>>, StoreError> {
        self.open()?;
        Ok(Access { bodies: self.bodies.read().await, store: self })
    }

    async fn write(&self) -> Result<Access<'_, RwLockWriteGuard<'_, Bodies>>, StoreError> {
        self.open()?;
        Ok(Access { bodies: self.bodies.write().await, store: self })
    }

    fn open(&self) -> Result<(), StoreError> {
        match self.closed.load(Ordering::Acquire) {
            true => Err(StoreError::closed()),
            false => Ok(()),
        }
    }
}
