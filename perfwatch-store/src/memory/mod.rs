//! The store in memory: a ring of frames, gone when the process ends.
//!
//! For tests, the command line and embedders. It packs frames as a file would; where it would hold
//! more of them than it may, the oldest go.

mod accounts;
mod files;

use std::sync::Arc;

pub use accounts::MemoryAccounts;
use files::MemoryFiles;

use crate::{
    ImportFrame, Record, StoreError,
    archive::{Change, Files},
    engine::{Engine, Sealing, Shared},
    layout::Index,
};

/// Three days at the default interval.
const DEFAULT_FRAMES: usize = 3 * 24 * 720;

/// Keeps the newest frames in memory.
#[derive(Debug)]
pub struct MemoryStore {
    engine: Shared<MemoryFiles>,
    most_frames: u64,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_FRAMES)
    }
}

impl MemoryStore {
    /// A store of this many frames at full resolution. Frames that are packed together go
    /// together, so there may be a few hours more.
    pub fn with_capacity(frames: usize) -> Self {
        let engine = Engine::new(MemoryFiles::default(), Index::default(), Sealing::Hourly);
        Self { engine: Arc::new(engine), most_frames: frames.max(1) as u64 }
    }

    async fn append_records(&self, records: &[Record]) -> Result<(), StoreError> {
        let kept = self.engine.append(records).await;
        self.make_room().await.and(kept)
    }

    async fn import_frames(&self, frames: &[ImportFrame]) -> Result<u64, StoreError> {
        let new = self.engine.import(frames).await;
        self.make_room().await.and(new)
    }

    /// Lets go of the oldest frames where there are too many.
    async fn make_room(&self) -> Result<(), StoreError> {
        loop {
            let held =
                self.engine.files.totals().await?.frames.frames + self.engine.head().len() as u64;
            let Some(over) = held.checked_sub(self.most_frames).filter(|over| *over > 0) else {
                return Ok(());
            };
            if !self.drop_oldest(over).await? {
                return Ok(());
            }
        }
    }

    /// Takes the oldest slice away, or the oldest frames if there is none; says whether one went.
    async fn drop_oldest(&self, over: u64) -> Result<bool, StoreError> {
        if let Some((place, frames)) = self.engine.files.oldest() {
            if frames > over {
                return Ok(false);
            }
            let change = Change { delete: vec![place], ..Change::default() };
            self.engine.change(change).await?;
            return Ok(true);
        }
        Ok(self.engine.head().remove_oldest(usize::try_from(over).unwrap_or(usize::MAX)))
    }

    async fn close_files(&self) {
        self.engine.close().await;
    }

    fn head_bytes(&self) -> u64 {
        self.engine.head().bytes()
    }
}

crate::store::implement!(MemoryStore, "memory");
