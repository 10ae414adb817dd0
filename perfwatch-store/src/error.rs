//! What can go wrong with a store, by meaning: each message names the thing and the cure.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::layout::MOST_SERIES;

/// A store that asks for more than this is asked again all the same, twelve times an hour: limits of
/// rate are over sooner, and whoever asks for hours, as a page of maintenance does, may be back long
/// before.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no store that this build can open.
    #[error(
        "{reason}; a store is `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/DATABASE`, \
         `prometheus+http(s)://HOST:PORT` or `memory:`"
    )]
    BadUrl {
        /// What is wrong with it. The URL itself may hold a password and is not repeated.
        reason: String,
    },
    /// What should be a history file is none.
    #[error("{reason}; name a history file, as a path or as `sqlite:FILE`")]
    NotAFile {
        /// Why not. What was given may hold a password and is not repeated.
        reason: &'static str,
    },
    /// Another process has the file open.
    #[error("{}", locked(path, *.owner))]
    Locked {
        /// The database.
        path: PathBuf,
        /// The other process, if it is a PerfWatch that said who it is.
        owner: Option<u32>,
    },
    /// The database library is too old to be trusted with a store.
    #[error("this build's SQLite is {found}, older than {}, and could damage the store; build perfwatch with a newer one", .oldest.map(|part| part.to_string()).join("."))]
    OldLibrary {
        /// Its version.
        found: String,
        /// The oldest version that will do.
        oldest: [u32; 3],
    },
    /// A file or directory cannot be written.
    #[error("cannot write {}: {reason}; give this user the right to it, or choose another place", path.display())]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// There is no such file, and what was asked makes none.
    #[error("there is no file {}; name the history file, such as the daemon's --store", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {reason}; ask as a user with the right to it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The file belongs to another program. It was not touched.
    #[error("{} is not a PerfWatch store ({reason}); it was left as it is: choose another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How that was seen.
        reason: &'static str,
    },
    /// The file was written by a newer version.
    #[error("{} has schema version {found}, this version reads up to {supported}; update perfwatch", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest schema version known here.
        supported: i64,
    },
    /// The file was written by an older version and was only to be read.
    #[error("{} has schema version {found}, older than {supported}; start perfwatch-server with it once, which brings it up to date", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The schema version of this build.
        supported: i64,
    },
    /// The archive policy is damaged, so that nobody knows what may be deleted.
    #[error("the archive policy in {} is damaged: nothing is downsampled or deleted until it is set anew", path.display())]
    PolicyDamaged {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("{} is damaged: {reason}; move it away and restore a copy, or start with a new file", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the database said.
        reason: String,
    },
    /// No space is left where the store lies.
    #[error("no space is left for {}; free some, or lower the archive policy's max_bytes", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The store cannot be reached now; the same call may succeed later.
    #[error("the store is not available: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
    },
    /// The server lets nobody in by this URL, or lacks what is needed.
    #[error("{reason}")]
    Denied {
        /// What it refuses, and the cure.
        reason: String,
    },
    /// The store asks for a pause.
    #[error("the store asks to wait for {} s: {reason}", retry_after.as_secs_f64())]
    Throttled {
        /// How long.
        retry_after: Duration,
        /// What it said.
        reason: String,
    },
    /// The store will never take what it was given: one frame of it, at least, is bad.
    #[error("the store refused what it was given: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
    /// The store takes nothing of this time any more, because it has something newer: each such
    /// frame is at fault itself, however many there are.
    #[error("the store takes no frame of this time any more: {reason}")]
    Late {
        /// What it said.
        reason: String,
    },
    /// The frames are stored, but for values of series that are new: their host has too many.
    #[error(
        "host `{host}` has {MOST_SERIES} series, as many as are kept of one: {left_out} values of others \
         were left out, and all else was stored; find what gives so many things a name of their own, and \
         begin anew under another name by --host"
    )]
    TooManySeries {
        /// The host's name.
        host: String,
        /// How many values.
        left_out: u64,
    },
    /// A question that cannot be answered.
    #[error("bad {parameter}: {reason}")]
    BadQuery {
        /// The parameter, as it is called in queries.
        parameter: &'static str,
        /// What is wrong with it, and what would be accepted.
        reason: String,
    },
    /// An archive policy that cannot be kept.
    #[error("bad {key}: {reason}")]
    BadPolicy {
        /// The key, as it is called in a policy.
        key: &'static str,
        /// What is wrong with it, and what would be accepted.
        reason: String,
    },
    /// How long anything is kept is not this store's to say.
    #[error(
        "how long metrics are kept is set in the engine itself, such as by -retentionPeriod or --storage.tsdb.retention.time; PerfWatch deletes nothing there"
    )]
    RetentionElsewhere,
    /// There is no user of this name.
    #[error("there is no user `{name}`")]
    NoSuchUser {
        /// The name.
        name: String,
    },
    /// A user of this name is there already.
    #[error("user `{name}` exists already")]
    UserExists {
        /// The name.
        name: String,
    },
    /// The database refused for a reason that has no name here.
    #[error("the store failed")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing the call.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. }
                | Self::Unwritable { .. }
                | Self::Full { .. }
                | Self::Unavailable { .. }
                | Self::Denied { .. }
                | Self::Throttled { .. }
        )
    }

    /// Whether a frame is at fault, and not the store: what else is in its batch may be taken.
    pub(crate) fn is_of_a_frame(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Late { .. } | Self::BadQuery { .. })
    }

    /// How long the store asks to be left alone, as far as that is granted.
    pub(crate) fn asked_pause(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => Some((*retry_after).min(LONGEST_ASKED)),
            _ => None,
        }
    }

    /// What is wrong, in a few words that name no path and no address.
    pub(crate) fn summary(&self) -> &'static str {
        match self {
            Self::Full { .. } => "no space is left",
            Self::Unavailable { .. } => "it does not answer",
            Self::Denied { .. } => "it lets nobody in by this URL",
            Self::Throttled { .. } => "it asks for a pause",
            _ if self.is_of_a_frame() => "it refused a frame",
            Self::TooManySeries { .. } => "it keeps no more series of a host",
            Self::Unwritable { .. } | Self::Locked { .. } => "its file cannot be written",
            Self::Corrupt { .. } => "it is damaged",
            _ => "it failed",
        }
    }

    pub(crate) fn closed() -> Self {
        Self::unavailable("it was closed")
    }

    /// Nothing came back in this time.
    pub fn no_answer(within: Duration) -> Self {
        Self::unavailable(format!("it gave no answer within {} s", within.as_secs_f64()))
    }

    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into() }
    }

    pub(crate) fn bad_query(parameter: &'static str, reason: impl Into<String>) -> Self {
        Self::BadQuery { parameter, reason: reason.into() }
    }

    pub(crate) fn bad_policy(key: &'static str, reason: impl Into<String>) -> Self {
        Self::BadPolicy { key, reason: reason.into() }
    }
}

fn locked(path: &Path, owner: Option<u32>) -> String {
    let path = path.display();
    match owner {
        Some(pid) => format!("{path} is in use by process {pid}; stop it, or choose another file"),
        None => format!(
            "cannot use {path}: another program has it locked: \
             stop that program, or choose another file with --store"
        ),
    }
}
