//! `perfwatch store import`.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use anyhow::{Context, Result, anyhow};
use perfwatch_store::{
    ExchangeError, Format, Imported, Input, Progress, SqliteStore, Store, import_file, is_server,
};

use super::progress::ProgressLine;
use crate::{
    args::{FileFormat, StoreImportArgs},
    failure::Failure,
    history_file::Target,
    metrics::all_tables,
};

pub(super) async fn run(args: &StoreImportArgs) -> Result<()> {
    // It may hold a password, and would be repeated.
    if args.input.to_str().is_some_and(is_server) {
        let reason = "the first argument is the file to read, the second is the store";
        return Err(Failure::Usage(reason.to_owned()).into());
    }
    let format = args.format.or_else(|| FileFormat::of(&args.input)).ok_or_else(|| {
        Failure::Usage("give --format csv, jsonl or parquet: the name does not tell".to_owned())
    })?;
    let target = args.target()?;
    let input = open(&args.input)?;
    let store = store(target).await?;
    let line = ProgressLine::new("importing");
    let tell = |progress: Progress| line.tell(progress);
    let imported = import_file(&*store, &all_tables(), input, format.format(), &tell).await;
    drop(line);
    store.close().await;
    let imported = imported.map_err(|error| explain(&args.input, format.format(), error))?;
    tell_about(imported)
}

async fn store(target: Target) -> Result<Arc<dyn Store>> {
    Ok(match target {
        Target::File(path) => Arc::new(SqliteStore::open(&path).await?),
        Target::Server(url) => perfwatch_store::open(&url).await?.store,
    })
}

fn open(path: &Path) -> Result<Input> {
    if path == Path::new("-") {
        return Ok(Input::Stream(Box::new(io::stdin())));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Input::File(file))
}

fn explain(path: &Path, format: Format, error: ExchangeError) -> anyhow::Error {
    let name =
        if path == Path::new("-") { "standard input".into() } else { path.to_string_lossy() };
    match error {
        ExchangeError::Input { at, reason } => anyhow!("{name}, {at}: {reason}"),
        ExchangeError::Read(error) => anyhow!("cannot read {name} as {format:?}: {error}"),
        error => anyhow!(error).context(format!("cannot import {name}")),
    }
}

fn tell_about(Imported { frames, new }: Imported) -> Result<()> {
    let what = match new {
        Some(new) => format!("{new} new, {} known already", frames - new.min(frames)),
        None => "the store has them now; how many it had before, it does not tell".to_owned(),
    };
    let said = format!("{frames} frames were read: {what}\n");
    io::stderr().write_all(said.as_bytes()).context("cannot write to standard error")
}
