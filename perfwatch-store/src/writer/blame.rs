//! Who is at fault where frame after frame is refused: the frames, or the store itself.

use std::time::Duration;

use tokio::time::Instant;

use crate::StoreError;

/// After so many frames in a row that were refused, the store is suspected.
const MOST: u32 = 8;

/// Frames of a store that is suspected are given up no faster: should they be at fault after all,
/// the way is free some time, and a store that is set right within a day has lost little.
const PACE: Duration = Duration::from_secs(60);

/// What is known of the frames that were refused.
#[derive(Debug, Default)]
pub(super) struct Blame {
    /// Given up since the store took one.
    given_up: u32,
    /// When the last of them was.
    last: Option<Instant>,
}

impl Blame {
    /// The store took a frame.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a frame that was refused alone may be given up now; then it counts as given up.
    pub(super) fn is_on_frame(&mut self, error: &StoreError) -> bool {
        let is_due = || self.last.is_none_or(|last| last.elapsed() >= PACE);
        let is_on_frame = match error {
            // These are about the frame's time or name.
            StoreError::Late { .. } | StoreError::BadQuery { .. } => return true,
            _ => self.given_up < MOST || is_due(),
        };
        if is_on_frame {
            self.given_up += 1;
            self.last = Some(Instant::now());
        }
        is_on_frame
    }

    /// What is to be said where it may not.
    pub(super) fn verdict(&self, error: &StoreError) -> String {
        format!(
            "it refused {} frames in a row, so that the store itself seems to be at fault; \
             frames wait, and at most one a minute is given up: {error}",
            self.given_up
        )
    }
}
