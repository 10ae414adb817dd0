//! Why a number is not there.

use std::{borrow::Cow, io, path::PathBuf};

use crate::parse::ParseError;

/// Why a collector could not answer this time.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// This host does not offer the source. Said once, tried again now and then.
    #[error("{reason}")]
    Unsupported {
        /// What is absent or forbidden.
        reason: String,
        /// What would make it available, if anything can.
        cure: Option<String>,
    },
    /// A file that should be readable was not.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file did not hold what it should.
    #[error("cannot understand {path}, line {line}: {reason}", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The line, from 1; 0 for the file as a whole.
        line: usize,
        /// What was expected.
        reason: &'static str,
    },
    /// The blocks handed in are not those of the collector's tables.
    #[error("the collector was given other tables than its own")]
    WrongTables,
}

impl CollectError {
    /// An absent source, with what would make it available.
    pub fn unsupported(reason: impl Into<String>, cure: Option<&str>) -> Self {
        Self::Unsupported { reason: reason.into(), cure: cure.map(str::to_owned) }
    }

    /// A parser's complaint about the file at `path`.
    pub fn parse(path: impl Into<PathBuf>, error: ParseError) -> Self {
        Self::Parse { path: path.into(), line: error.line, reason: error.reason }
    }
}

/// A part of a source that this host does not offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What is missing, such as `CPU temperature`.
    pub what: Cow<'static, str>,
    /// Why.
    pub reason: String,
    /// What would make it available, if anything can.
    pub cure: Option<String>,
    /// Whether it is hardware that virtual machines are seldom given.
    pub hardware: bool,
}

impl Gap {
    /// A missing part with its reason and cure.
    pub fn new(what: impl Into<Cow<'static, str>>, reason: &str, cure: Option<&str>) -> Self {
        let cure = cure.map(str::to_owned);
        Self { what: what.into(), reason: reason.into(), cure, hardware: false }
    }

    /// The same of hardware that virtual machines are seldom given.
    #[must_use]
    pub fn of_hardware(self) -> Self {
        Self { hardware: true, ..self }
    }

    /// Keeps the gap `what` of a list in step with what is known now. Where nothing changed,
    /// nothing is allocated: this runs at every tick.
    pub(crate) fn keep(gaps: &mut Vec<Self>, what: &str, now: Option<&Self>) {
        if gaps.iter().find(|gap| gap.what == what) != now {
            gaps.retain(|gap| gap.what != what);
            gaps.extend(now.cloned());
        }
    }
}
