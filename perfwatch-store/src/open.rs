//! From a URL to a store.

use std::{fmt, path::Path, sync::Arc};

use crate::{
    Accounts, MemoryAccounts, MemoryStore, PostgresStore, PrometheusStore, SqliteStore, Store,
    StoreError, place::sqlite_path,
};

/// A store and the accounts beside it.
#[derive(Clone)]
pub struct Opened {
    /// Keeps frames.
    pub store: Arc<dyn Store>,
    /// Keeps users, configuration and the archive policy.
    pub accounts: Arc<dyn Accounts>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("kind", &self.store.kind()).finish_non_exhaustive()
    }
}

/// Opens `memory:` (gone when the process ends), or `sqlite:PATH` (also `sqlite:///absolute/path`),
/// which makes the file and its directory where they are missing. An engine
/// (`prometheus+http://...`, see [`PrometheusStore::new`]) keeps no accounts: those beside it are
/// gone when the process ends.
///
/// # Errors
/// [`StoreError::BadUrl`] for anything else, or what opening the file ran into.
pub async fn open(url: &str) -> Result<Opened, StoreError> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(bad_url("the store URL has no scheme"));
    };
    match scheme {
        "memory" => Ok(open_memory()),
        "postgres" | "postgresql" => open_postgres(url).await,
        "sqlite" => open_sqlite(rest).await,
        "prometheus+http" | "prometheus+https" => open_engine(url),
        other => Err(bad_url(format!("`{other}:` is not a kind of store"))),
    }
}

/// Opens a store, and the accounts of another beside it. One URL twice is one store.
///
/// # Errors
/// As [`open`]; also if the accounts would be in an engine, which keeps none.
pub async fn open_with_accounts(store: &str, accounts: &str) -> Result<Opened, StoreError> {
    if is_engine(accounts) {
        return Err(bad_url(
            "an engine keeps no accounts: keep them in `sqlite:PATH` or PostgreSQL",
        ));
    }
    if store == accounts {
        return open(store).await;
    }
    // At once: each may be a server that says nothing for a while.
    let (opened, beside) = tokio::try_join!(open(store), open(accounts))?;
    Ok(Opened { accounts: beside.accounts, ..opened })
}

/// Whether a URL names an engine, which keeps series and no accounts.
pub fn is_engine(url: &str) -> bool {
    url.starts_with("prometheus+")
}

pub(crate) fn bad_url(reason: impl Into<String>) -> StoreError {
    StoreError::BadUrl { reason: reason.into() }
}

/// What stands behind the host of a URL. An `@` there is most likely the end of a password that holds
/// a `/` or the like: then what is before it is read as a path or a parameter, and would be shown.
pub(crate) fn behind_host(url: &str) -> &str {
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest);
    let Some(rest) = rest.strip_prefix("//") else { return rest };
    rest.find(['/', '?', '#', '\\']).and_then(|end| rest.get(end..)).unwrap_or_default()
}

/// How characters are written that mean something in a URL.
pub(crate) const IN_PERCENT: &str = "characters such as `@`, `/`, `?`, `#` and `%` are written in \
    percent in a user, a password or a value (%40, %2F, %3F, %23, %25)";

fn open_memory() -> Opened {
    Opened {
        store: Arc::new(MemoryStore::default()),
        accounts: Arc::new(MemoryAccounts::default()),
    }
}

fn open_engine(url: &str) -> Result<Opened, StoreError> {
    let store = Arc::new(PrometheusStore::new(url)?);
    Ok(Opened { store, accounts: Arc::new(MemoryAccounts::default()) })
}

async fn open_postgres(url: &str) -> Result<Opened, StoreError> {
    let store = Arc::new(PostgresStore::open(url).await?);
    Ok(Opened { store: Arc::clone(&store) as Arc<dyn Store>, accounts: store })
}

async fn open_sqlite(rest: &str) -> Result<Opened, StoreError> {
    let path = sqlite_path(rest).ok_or_else(|| bad_url("`sqlite:` needs the path of a file"))?;
    let store = Arc::new(SqliteStore::open(Path::new(path)).await?);
    Ok(Opened { store: Arc::clone(&store) as Arc<dyn Store>, accounts: store })
}
