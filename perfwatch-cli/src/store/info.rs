//! `perfwatch store info`.

use anyhow::Result;
use perfwatch_store::{FileInfo, HistoryFile, HostContents};
use serde_json::{Value, json};

use crate::{
    args::{ReportFormat, StoreInfoArgs},
    format::{self, bytes},
    message::{readable_time, rfc3339},
    screen::{Ink, Screen},
    text,
};

pub(super) async fn run(args: &StoreInfoArgs, screen: &mut Screen) -> Result<()> {
    let file = HistoryFile::open(&args.file.path()?).await?;
    let info = file.info().await?;
    file.close().await;
    match args.format {
        ReportFormat::Json => screen.write(&text::json_line(&json(&info).to_string())),
        ReportFormat::Table => screen.write(&page(&info, screen.ink())),
    }
}

fn json(info: &FileInfo) -> Value {
    let (parts, slices) = (info.parts, info.parts.slices);
    json!({
        "file": info.path.display().to_string(),
        "schema_version": info.schema_version,
        "sqlite_version": info.sqlite_version,
        "bytes": info.bytes,
        "log_bytes": info.log_bytes,
        "page_size": info.page_size,
        "pages": info.pages,
        "free_pages": info.free_pages,
        "values": info.values(),
        "bytes_per_value": info.bytes_per_value(),
        "slices": info.slices,
        "downsampled_slices": info.downsampled_slices,
        "damaged": info.damaged,
        "bytes_by_part": {
            "frames": parts.frames,
            "directories": slices.directories,
            "times": slices.times,
            "entries": slices.entries,
            "values": slices.values,
            "downsampled": parts.downsampled,
            "free": info.free_pages * info.page_size,
            "rest": parts.rest,
        },
        "hosts": info.hosts.iter().map(host_json).collect::<Vec<_>>(),
    })
}

fn host_json(host: &HostContents) -> Value {
    json!({
        "host": host.name,
        "first": rfc3339(host.first_ms),
        "last": rfc3339(host.last_ms),
        "first_ms": host.first_ms,
        "last_ms": host.last_ms,
        "series": host.series,
        "frames": host.frames,
        "values": host.values,
        "downsampled_frames": host.downsampled_frames,
    })
}

fn page(info: &FileInfo, ink: Ink) -> String {
    let mut lines = vec![ink.bold(&text::escape(&info.path.display().to_string()))];
    lines.extend(facts(info).into_iter().map(|(name, value)| format!("  {name:<17}{value}")));
    lines.extend([String::new(), ink.bold("bytes")]);
    lines.extend(parts(info).into_iter().map(|(name, size)| {
        let share = size as f64 * 100.0 / info.bytes.max(1) as f64;
        format!("  {name:<32}{:>11}{share:>7.1}%", bytes(size as f64))
    }));
    lines.extend([String::new(), ink.bold("hosts")]);
    if info.hosts.is_empty() {
        lines.push("  none yet".to_owned());
    }
    for host in &info.hosts {
        lines.push(format!("  {}", text::escape(&host.name)));
        let span = format!("{} to {}", readable_time(host.first_ms), readable_time(host.last_ms));
        lines.push(format!("    {span}"));
        lines.push(format!(
            "    {} frames, {} downsampled, {} series, {} values",
            host.frames, host.downsampled_frames, host.series, host.values
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn facts(info: &FileInfo) -> Vec<(&'static str, String)> {
    let per_value = info.bytes_per_value().map(|bytes| format!("{bytes:.2}"));
    let slices = format!("{}, {} downsampled", info.slices, info.downsampled_slices);
    let pages =
        format!("{} of {}, {} free", info.pages, bytes(info.page_size as f64), info.free_pages);
    let damage = match info.damaged {
        0 => "none seen (`perfwatch store verify` reads everything)".to_owned(),
        count => format!("{count} places; `perfwatch store verify` names them"),
    };
    vec![
        ("schema version", info.schema_version.to_string()),
        ("SQLite", info.sqlite_version.clone()),
        ("file", bytes(info.bytes as f64)),
        ("log beside it", bytes(info.log_bytes as f64)),
        ("pages", pages),
        ("slices", slices),
        ("values", info.values().to_string()),
        ("bytes per value", per_value.unwrap_or_else(|| format::MISSING.to_owned())),
        ("damage", damage),
    ]
}

fn parts(info: &FileInfo) -> [(&'static str, u64); 8] {
    let (parts, slices) = (info.parts, info.parts.slices);
    [
        ("newest frames, one by one", parts.frames),
        ("slices: directories", slices.directories),
        ("slices: times", slices.times),
        ("slices: entries of series", slices.entries),
        ("slices: values", slices.values),
        ("downsampled", parts.downsampled),
        ("free pages", info.free_pages * info.page_size),
        ("names, accounts, the database", parts.rest),
    ]
}
