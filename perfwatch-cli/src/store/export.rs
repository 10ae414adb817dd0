//! `perfwatch store export`.

use std::io::{self, Write};

use anyhow::{Context, Result, anyhow};
use perfwatch_core::series::Pattern;
use perfwatch_store::{ExchangeError, ExportQuery, Exported, HistoryFile, StoreError, export};

use super::{output::Output, progress::ProgressLine};
use crate::{
    args::{FileFormat, StoreExportArgs},
    failure::Failure,
};

pub(super) async fn run(args: &StoreExportArgs) -> Result<()> {
    let query = query(args)?;
    let format = args.format.or_else(|| FileFormat::of(&args.output)).unwrap_or(FileFormat::Csv);
    let file = HistoryFile::open(&args.file.path()?).await?;
    let is_binary = format == FileFormat::Parquet;
    let (output, out) = Output::create(&args.output, args.force, is_binary)?;
    let line = ProgressLine::new("exporting");
    let exported = export(&file, &query, format.format(), out, &|it| line.tell(it)).await;
    drop(line);
    file.close().await;
    let exported = exported.map_err(|error| explain(args, error))?;
    output.keep()?;
    tell(&exported)
}

fn query(args: &StoreExportArgs) -> Result<ExportQuery> {
    let (start, end) = (args.start.unwrap_or(0), args.end.unwrap_or(i64::MAX));
    if start >= end {
        return Err(Failure::Usage("--end must be later than --start".to_owned()).into());
    }
    let mut patterns = Vec::new();
    for text in args.fields.iter().flat_map(|fields| split(fields)) {
        let pattern = Pattern::parse(text);
        patterns.push(pattern.map_err(|error| Failure::Usage(format!("bad --fields: {error}")))?);
    }
    let hosts = args.host.clone();
    Ok(ExportQuery { hosts, patterns, range_ms: start..end, interval: args.interval.0 })
}

/// Cuts at commas that stand in no quotes.
fn split(fields: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = fields.split(move |c: char| {
        let ends = c == ',' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn explain(args: &StoreExportArgs, error: ExchangeError) -> anyhow::Error {
    match error {
        // A closed pipe is no failure.
        ExchangeError::Write(error) if args.output.as_os_str() == "-" => error.into(),
        ExchangeError::Write(error) => {
            anyhow!(error).context(format!("cannot write {}", args.output.display()))
        }
        ExchangeError::Store(StoreError::BadQuery { parameter, reason }) => {
            Failure::Usage(format!("bad --{parameter}: {reason}")).into()
        }
        error => error.into(),
    }
}

fn tell(exported: &Exported) -> Result<()> {
    let Exported { frames, columns, damaged, left_out } = *exported;
    let mut said = format!("{frames} frames of {columns} columns were exported\n");
    if left_out > 0 {
        said.push_str(&format!(
            "left out: {left_out} frames that were downsampled, no single values are left; \
             --interval 1h exports what they say\n"
        ));
    }
    if damaged > 0 {
        said.push_str(&format!(
            "left out: {damaged} damaged places; `perfwatch store verify` names them\n"
        ));
    }
    io::stderr().write_all(said.as_bytes()).context("standard error")?;
    if damaged > 0 { Err(Failure::Told.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_are_part_of_a_name() {
        let fields = r#"cpu.*, a["x,\"y"].b,"#;
        assert_eq!(split(fields), ["cpu.*", r#"a["x,\"y"].b"#]);
    }
}
