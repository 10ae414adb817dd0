//! How each collector is doing: what it cost, what went wrong, when to try again.

use std::{any::Any, fmt, time::Duration};

use crate::{CollectError, Gap, clock};

/// A source that this host does not offer is asked again this often: a module may be loaded, a
/// permission given.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// How a collector is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has not run yet.
    Starting,
    /// All of its source is there.
    Ok,
    /// A part of its source is missing on this host; see its gaps.
    Partial,
    /// This host does not offer the source.
    Unavailable,
    /// Reading the source went wrong.
    Failed,
}

impl Status {
    /// The status as one lower-case word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is known of one collector.
#[derive(Clone, Debug)]
pub struct CollectorState {
    /// The metric type.
    pub name: &'static str,
    /// How it is doing.
    pub status: Status,
    /// Why it is not doing well.
    pub reason: Option<String>,
    /// What would help.
    pub cure: Option<String>,
    /// CPU time of its last run that was measured, in microseconds.
    pub tick_cpu_time_us: Option<f64>,
    /// How many runs failed.
    pub errors: u64,
    /// The parts of its source that this host lacks.
    pub gaps: Vec<Gap>,
}

/// The runner's book about one collector.
#[derive(Debug, Default)]
pub(crate) struct Health {
    pub(crate) cpu_time_ns: Option<u64>,
    pub(crate) errors: u64,
    trouble: Option<Trouble>,
    retry_at_ns: u64,
}

#[derive(Debug)]
struct Trouble {
    status: Status,
    reason: String,
    cure: Option<String>,
}

impl Health {
    /// Whether the collector should run now.
    pub(crate) fn due(&self) -> bool {
        self.retry_at_ns == 0 || clock::monotonic_ns() >= self.retry_at_ns
    }

    /// A run went well; what it cost if that was measured.
    pub(crate) fn succeeded(&mut self, name: &str, cpu_time_ns: Option<u64>) {
        self.cpu_time_ns = cpu_time_ns.or(self.cpu_time_ns);
        self.retry_at_ns = 0;
        if self.trouble.take().is_some() {
            tracing::info!(collector = name, "works again");
        }
    }

    pub(crate) fn failed(&mut self, name: &str, error: &CollectError) {
        let (status, cure) = match error {
            CollectError::Unsupported { cure, .. } => (Status::Unavailable, cure.clone()),
            _ => (Status::Failed, None),
        };
        self.trouble(name, Trouble { status, reason: error.to_string(), cure });
    }

    pub(crate) fn panicked(&mut self, name: &str, panic: &(dyn Any + Send)) {
        let said = panic.downcast_ref::<&str>().copied();
        let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let reason = format!("the collector panicked: {}", said.unwrap_or("no message"));
        self.trouble(name, Trouble { status: Status::Failed, reason, cure: None });
        self.wait();
    }

    fn trouble(&mut self, name: &str, trouble: Trouble) {
        if trouble.status == Status::Failed {
            self.errors += 1;
        } else {
            self.wait();
        }
        // Said once, not at every tick.
        if self.trouble.as_ref().is_none_or(|before| before.reason != trouble.reason) {
            let cure = trouble.cure.as_deref().unwrap_or_default();
            tracing::warn!(collector = name, reason = trouble.reason, cure, "{}", trouble.status);
        }
        self.trouble = Some(trouble);
    }

    fn wait(&mut self) {
        self.retry_at_ns = clock::monotonic_ns().saturating_add(RETRY_AFTER.as_nanos() as u64);
    }

    pub(crate) fn state(&self, name: &'static str, gaps: &[Gap]) -> CollectorState {
        let status = match &self.trouble {
            Some(trouble) => trouble.status,
            None if self.cpu_time_ns.is_none() => Status::Starting,
            None if gaps.is_empty() => Status::Ok,
            None => Status::Partial,
        };
        CollectorState {
            name,
            status,
            reason: self.trouble.as_ref().map(|trouble| trouble.reason.clone()),
            cure: self.trouble.as_ref().and_then(|trouble| trouble.cure.clone()),
            tick_cpu_time_us: self.cpu_time_ns.map(|time| time as f64 / 1e3),
            errors: self.errors,
            gaps: gaps.to_vec(),
        }
    }
}
