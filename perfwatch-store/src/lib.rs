//! How frames are kept: what is appended, asked and thrown away again.
//!
//! [`Store`] keeps the views of any number of hosts and answers [`RangeQuery`]s; [`Accounts`] keeps
//! users, ended sessions, configuration and the archive policy. [`open()`] turns a URL into both.
//! [`BatchMetricsWriter`] stands between the sampler's thread and a store that may be slow or away.
//!
//! Memory, SQLite and PostgreSQL share one encoding, one way of answering and one retention; they
//! differ only in where the bytes lie. An engine for many hosts (`prometheus`) keeps frames in its own
//! way. No name of a metric stands in this crate: a series is what a table says. Nothing here is a
//! server of HTTP, and nothing reads the host.

mod accounts;
mod answer;
mod archive;
mod changes;
mod compose;
mod damage;
mod engine;
mod error;
#[cfg(feature = "exchange")]
mod exchange;
mod head;
mod import;
mod layer;
mod layout;
mod lock;
mod memory;
mod open;
#[cfg(feature = "passwords")]
mod password;
mod place;
mod policy;
mod postgres;
mod prometheus;
mod query;
mod record;
mod registry;
mod retention;
mod spool;
mod sqlite;
mod store;
mod text;
mod writer;

pub use accounts::{Accounts, User};
pub use answer::{MAX_VALUES, nice_step};
pub use changes::{
    Change, Changes, ChangesQuery, DEFAULT_MIN_EFFECT, Figure, Figures, Window, changes, p95,
};
pub use engine::{DamagedRange, HostContents, Progress, SliceBytes};
pub use error::StoreError;
#[cfg(feature = "exchange")]
pub use exchange::{
    ExchangeError, ExportQuery, Exported, Format, Imported, Input, export, import_file,
};
pub use import::{ImportFrame, ImportValue};
pub use layer::Layer;
pub use memory::{MemoryAccounts, MemoryStore};
pub use open::{Opened, is_engine, open, open_with_accounts};
#[cfg(feature = "passwords")]
pub use password::{PASSWORD_LENGTH, hash_password, random_password};
pub use place::{FILE_NAME, data_directory, file_of, is_server};
pub use policy::{DOWNSAMPLE_INTERVALS, RetentionPolicy, RetentionPolicyUpdate, RetentionReport};
pub use postgres::PostgresStore;
pub use prometheus::PrometheusStore;
pub use query::{Aggregate, RangeAnswer, RangeQuery, Selection, Series, SeriesSummary, Step, Tier};
pub use record::{Point, Record};
pub use retention::{Forecast, forecast};
pub use spool::Spool;
pub use sqlite::{FileInfo, HistoryFile, PartBytes, SqliteStore};
pub use store::{HostIdentity, HostInfo, HostNewest, NewestValue, Store, TierUsage, Usage};
pub use writer::{BatchMetricsWriter, WriterCounts, WriterOptions, WriterStatus};
