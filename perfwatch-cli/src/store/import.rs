//! `perfwatch store import`.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use anyhow::{Context, Result, anyhow};
use perfwatch_store::{
    ExchangeError, Format, Imported, Input, Progress, SqliteStore, Store, import_file,
};

use super::progress::ProgressLine;
use crate::{
    args::{FileFormat, StoreImportArgs},
    failure::Failure,
};

pub(super) async fn run(args: &StoreImportArgs) -> Result<()> {
    let format = args.format.or_else(|| FileFormat::of(&args.input)).ok_or_else(|| {
        Failure::Usage("give --format csv, jsonl or parquet: the name does not tell".to_owned())
    })?;
    let input = open(&args.input)?;
    let store = SqliteStore::open(&args.file.path()?).await?;
    let line = ProgressLine::new("importing");
    let tell = |progress: Progress| line.tell(progress);
    let imported = import_file(&store, input, format.format(), &tell).await;
    drop(line);
    store.close().await;
    let imported = imported.map_err(|error| explain(&args.input, format.format(), error))?;
    tell_about(imported)
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
    let known = frames - new.min(frames);
    let said = format!("{frames} frames were read: {new} new, {known} known already\n");
    io::stderr().write_all(said.as_bytes()).context("cannot write to standard error")
}
