//! Whose fault it is where a store does not say why it refuses a frame.

use std::sync::Arc;

use crate::Record;

/// The frame that was refused without a reason: it is in doubt until the store takes it, or takes
/// another one while it refuses this one again and again.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Its host and time.
    frame: Option<(Arc<str>, i64)>,
    /// Whether the store took another one since it was refused last.
    is_alone: bool,
}

/// What is known of a frame that was refused now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Doubted {
    /// It was not refused before.
    First,
    /// It was, and nobody knows of any other.
    Again,
    /// The store took another one meanwhile.
    Alone,
}

impl Doubt {
    /// The store took what was given.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// A frame was refused without a reason.
    pub(super) fn refused(&mut self, record: &Record) -> Doubted {
        let frame = Some((Arc::clone(&record.host), record.timestamp_ms()));
        let is_alone = std::mem::take(&mut self.is_alone);
        let before = std::mem::replace(&mut self.frame, frame);
        match before == self.frame {
            false => Doubted::First,
            true if is_alone => Doubted::Alone,
            true => Doubted::Again,
        }
    }

    /// The store took another frame.
    pub(super) fn took_another(&mut self) {
        self.is_alone = true;
    }
}
