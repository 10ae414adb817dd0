//! A source that its collector can do without.

use std::time::Duration;

use crate::{CollectError, Gap, Source, clock, parse::ParseError};

/// An absent part is looked for again this often.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// One of several sources of a collector: where it cannot be read, the collector goes on without
/// it and says so as a gap.
pub(crate) struct Part {
    what: &'static str,
    source: Source,
    missing: bool,
    retry_at_ns: u64,
}

impl Part {
    /// `what` names the numbers that are missing without it.
    pub(crate) fn new(what: &'static str, source: Source) -> Self {
        Self { what, source, missing: false, retry_at_ns: 0 }
    }

    /// The monotonic time of the last read, in nanoseconds.
    pub(crate) fn read_at(&self) -> u64 {
        self.source.read_at()
    }

    /// Reads and parses the source; says whether that went well, and keeps `gaps` in step.
    pub(crate) fn parse(
        &mut self,
        gaps: &mut Vec<Gap>,
        parser: impl FnOnce(&[u8]) -> Result<(), ParseError>,
    ) -> bool {
        if self.retry_at_ns > 0 && clock::monotonic_ns() < self.retry_at_ns {
            return false;
        }
        match self.source.parse(parser) {
            Ok(()) if !self.missing => true,
            Ok(()) => {
                (self.missing, self.retry_at_ns) = (false, 0);
                Gap::keep(gaps, self.what, None);
                true
            }
            Err(error) => {
                self.failed(gaps, &error);
                false
            }
        }
    }

    fn failed(&mut self, gaps: &mut Vec<Gap>, error: &CollectError) {
        let (unsupported, cure) = match error {
            CollectError::Unsupported { cure, .. } => (true, cure.clone()),
            _ => (false, None),
        };
        let later = self.source.read_at().saturating_add(RETRY_AFTER.as_nanos() as u64);
        (self.missing, self.retry_at_ns) = (true, if unsupported { later } else { 0 });
        let gap = Gap { what: self.what.into(), reason: error.to_string(), cure };
        Gap::keep(gaps, self.what, Some(&gap));
    }
}
