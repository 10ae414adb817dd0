//! Frames of another place, by the names of their series.

use super::Engine;
use crate::{ImportFrame, StoreError, archive::Files};

/// With more frames or bytes than this in memory, hours are sealed before more are taken.
const FRAMES: usize = 5000;
const BYTES: u64 = 64 << 20;

impl<F: Files> Engine<F> {
    /// Keeps the frames that are not there yet; how many these were. Sealing is part of it: nobody
    /// waits for a tick.
    pub(crate) async fn import(&self, frames: &[ImportFrame]) -> Result<u64, StoreError> {
        let kept = self.keep_frames(|index| index.prepare_named(frames)).await?;
        let (count, bytes) = {
            let head = self.head();
            (head.len(), head.bytes())
        };
        if count > FRAMES || bytes > BYTES {
            self.seal(self.sealing).await?;
        }
        kept.left_out.map_or(Ok(kept.frames), Err)
    }

    /// Seals all hours that are over, and gives the space of their frames back.
    pub(crate) async fn seal_imported(&self) -> Result<(), StoreError> {
        self.seal(self.sealing).await?;
        while self.files.shrink().await? {}
        Ok(())
    }
}
