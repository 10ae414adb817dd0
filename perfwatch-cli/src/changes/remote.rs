//! The history of a daemon.

use anyhow::Result;
use perfwatch_store::Window;

use super::{Answer, Question, report::Report};
use crate::{
    args::{Access, ChangesFormat},
    catalog::Catalog,
    daemon::{Credentials, Daemon, escaped},
    message::rfc3339,
};

/// Asks the daemon at this address.
pub(super) fn ask(
    url: &str,
    access: &Access,
    format: ChangesFormat,
    question: &Question,
) -> Result<Answer> {
    let daemon = Daemon::find(url, access)?.ok_or_else(Credentials::absent)?;
    let json = daemon.get(&path(question))?;
    let report: Report = serde_json::from_str(&json).map_err(|_| daemon.stranger())?;
    // The daemon may be of another version, with other series.
    let catalog = match format {
        ChangesFormat::Table => daemon.get_json("/api/metrics/catalog")?,
        ChangesFormat::Json => Catalog::of(&[]),
    };
    Ok(Answer { json, report, catalog })
}

fn path(question: &Question) -> String {
    let Question { host, before, after, min_effect, limit } = question;
    let window = |name: &str, window: &Window| {
        let (start, end) = (rfc3339(window.start_ms), rfc3339(window.end_ms));
        format!("{name}_start={start}&{name}_end={end}")
    };
    let host = host.map(|host| format!("&host={}", escaped(host))).unwrap_or_default();
    format!(
        "/api/history/changes?{}&{}&min_effect={min_effect}&limit={limit}{host}",
        window("before", before),
        window("after", after)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_parameter() {
        let window = Window { start_ms: 0, end_ms: 1000 };
        let question = Question {
            host: Some("db 1&limit=9+ü"),
            before: window,
            after: Window { start_ms: 1000, end_ms: 2000 },
            min_effect: 2.5,
            limit: 7,
        };
        insta::assert_snapshot!(path(&question), @"/api/history/changes?before_start=1970-01-01T00:00:00.000Z&before_end=1970-01-01T00:00:01.000Z&after_start=1970-01-01T00:00:01.000Z&after_end=1970-01-01T00:00:02.000Z&min_effect=2.5&limit=7&host=db%201%26limit%3D9%2B%C3%BC");
    }
}
