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
        let was_missing = self.missing;
        let error = match self.attempt(parser) {
            None => return false,
            Some(Ok(())) if !was_missing => return true,
            Some(outcome) => outcome.err(),
        };
        let gap = error.as_ref().map(|error| self.gap(error));
        Gap::keep(gaps, self.what, gap.as_ref());
        error.is_none()
    }

    fn gap(&self, error: &CollectError) -> Gap {
        let cure = match error {
            CollectError::Unsupported { cure, .. } => cure.clone(),
            _ => None,
        };
        Gap::new(self.what, &error.to_string(), cure.as_deref())
    }

    /// The same for what most hosts do without: where it is not, nothing is missing.
    pub(crate) fn parse_if_there(
        &mut self,
        parser: impl FnOnce(&[u8]) -> Result<(), ParseError>,
    ) -> bool {
        matches!(self.attempt(parser), Some(Ok(())))
    }

    /// Reads and parses the source unless it was absent a short while ago.
    fn attempt(
        &mut self,
        parser: impl FnOnce(&[u8]) -> Result<(), ParseError>,
    ) -> Option<Result<(), CollectError>> {
        if self.retry_at_ns > 0 && clock::monotonic_ns() < self.retry_at_ns {
            return None;
        }
        let outcome = self.source.parse(parser);
        self.missing = outcome.is_err();
        self.retry_at_ns = match &outcome {
            Err(CollectError::Unsupported { .. }) => {
                self.source.read_at().saturating_add(RETRY_AFTER.as_nanos() as u64)
            }
            _ => 0,
        };
        Some(outcome)
    }
}
