//! `perfwatch store verify`.

use anyhow::Result;
use perfwatch_store::{DamagedRange, HistoryFile};
use serde_json::{Value, json};

use super::progress::ProgressLine;
use crate::{
    args::{ReportFormat, StoreVerifyArgs},
    failure::Failure,
    message::{readable_time, rfc3339},
    screen::Screen,
    text,
};

pub(super) async fn run(args: &StoreVerifyArgs, screen: &mut Screen) -> Result<()> {
    let path = args.file.path()?;
    let file = HistoryFile::open(&path).await?;
    let line = ProgressLine::new("checking");
    let damaged = file.verify(&|progress| line.tell(progress)).await?;
    drop(line);
    file.close().await;
    let name = path.display().to_string();
    match args.format {
        ReportFormat::Json => screen.write(&text::json_line(&json(&name, &damaged).to_string()))?,
        ReportFormat::Table => screen.write(&page(&name, &damaged))?,
    }
    if damaged.is_empty() { Ok(()) } else { Err(Failure::Told.into()) }
}

fn json(name: &str, damaged: &[DamagedRange]) -> Value {
    let range = |range: &DamagedRange| {
        json!({
            "host": range.host,
            "series": range.series,
            "start": rfc3339(range.start_ms),
            "end": rfc3339(range.end_ms),
            "start_ms": range.start_ms,
            "end_ms": range.end_ms,
            "what": range.what,
        })
    };
    let damaged: Vec<Value> = damaged.iter().map(range).collect();
    json!({ "file": name, "sound": damaged.is_empty(), "damaged": damaged })
}

fn page(name: &str, damaged: &[DamagedRange]) -> String {
    let name = text::escape(name);
    if damaged.is_empty() {
        return format!("{name} is sound\n");
    }
    let mut page = format!("{name}: {} damaged\n", count(damaged.len()));
    for range in damaged {
        let host = if range.host.is_empty() { "all hosts" } else { range.host.as_str() };
        let series = match range.series.as_deref() {
            None => "all series",
            Some("") => "a series whose name is damaged",
            Some(series) => series,
        };
        page.push_str(&format!(
            "  {}  {}  {}: {}\n",
            text::escape(host),
            text::escape(series),
            span(range),
            text::escape(&range.what)
        ));
    }
    page.push_str("What is damaged is left out of every answer; all else can be read.\n");
    page
}

fn count(number: usize) -> String {
    if number == 1 { "1 stretch is".to_owned() } else { format!("{number} stretches are") }
}

/// The times of a range; none where the whole file is meant.
fn span(range: &DamagedRange) -> String {
    if range.start_ms == 0 && range.end_ms > 1 << 43 {
        return "the whole file".to_owned();
    }
    format!("{} to {}", readable_time(range.start_ms), readable_time(range.end_ms))
}
