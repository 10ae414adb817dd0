//! A store's file, read by this process.

use std::path::Path;

use anyhow::{Context, Error, Result, anyhow};
use perfwatch_collect::{Roots, host_facts};
use perfwatch_core::Table;
use perfwatch_store::{ChangesQuery, SqliteStore, Store, StoreError};
use tokio::runtime;

use super::{Answer, Question, report::Report};
use crate::{catalog::Catalog, failure::Failure, history_file::history_file, metrics::all_tables};

/// Asks the file; by default the one that a daemon of this user keeps.
pub(super) fn ask(store: Option<&str>, question: &Question) -> Result<Answer> {
    let path = history_file(store)?;
    // Opening would make a file that is not there.
    if !path.is_file() {
        let reason = format!(
            "there is no history at {}; say where it is with --store FILE, or ask a daemon with \
             --server URL",
            path.display()
        );
        return Err(Failure::Usage(reason).into());
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start what reads the store")?;
    let tables = all_tables();
    let report = runtime.block_on(read(&path, question, &tables))?;
    let json = serde_json::to_string(&report)?;
    Ok(Answer { json, report, catalog: Catalog::of(&tables) })
}

async fn read(path: &Path, question: &Question<'_>, tables: &[&'static Table]) -> Result<Report> {
    let store = SqliteStore::open(path).await.map_err(in_use)?;
    let found = look(&store, question, tables).await;
    store.close().await;
    found
}

async fn look(
    store: &dyn Store,
    question: &Question<'_>,
    tables: &[&'static Table],
) -> Result<Report> {
    let asked = ChangesQuery {
        host: host(store, question.host).await?,
        before: question.before,
        after: question.after,
        min_effect: question.min_effect,
        limit: question.limit,
    };
    let found = perfwatch_store::changes(store, &asked, tables).await?;
    Ok(Report::new(&asked, found, tables))
}

/// The host that is meant: the named one, the only one, or this one.
async fn host(store: &dyn Store, named: Option<&str>) -> Result<String> {
    let known: Vec<String> = store.hosts().await?.into_iter().map(|host| host.name).collect();
    let wanted = match (named, known.as_slice()) {
        (_, []) => return Err(anyhow!("nothing is stored yet")),
        (Some(name), _) => name.to_owned(),
        (None, [only]) => only.clone(),
        (None, _) => host_facts(&Roots::default()).name,
    };
    if known.contains(&wanted) {
        return Ok(wanted);
    }
    let reason =
        format!("nothing is stored of the host `{wanted}`; known are {}", known.join(", "));
    Err(Failure::Usage(format!("{reason}: choose one with --host")).into())
}

/// Whoever has the file can be asked instead.
fn in_use(error: StoreError) -> Error {
    let locked = matches!(error, StoreError::Locked { .. });
    let error = Error::new(error);
    if locked {
        anyhow!("{error}; or ask the daemon that has it, with --server URL")
    } else {
        error
    }
}
