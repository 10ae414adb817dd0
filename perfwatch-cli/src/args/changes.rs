//! What may be typed behind `perfwatch changes`.

use clap::{Args, ValueEnum};
use perfwatch_store::DEFAULT_MIN_EFFECT;

use super::Access;

const CHANGES_HELP: &str = "\
Windows, in the time zone of this machine (TZ):
  -1h                            the last hour (also s, m, d, w)
  -2h..-1h                       the hour before it
  yesterday 14:00..15:00         an hour of yesterday; `today` likewise
  22:00..02:00                   today's 22:00 until 02:00 of the next day
  2026-11-22                     a whole day; also `today` (so far) and `yesterday`
  2026-11-22T14:00/15:00         `/` is `..`; a date may stand on both sides
  2026-11-22T13:00Z..+1h         with a zone; `+1h` is so long after the start
  @1795410900..now               seconds since 1970

One window is compared with the same stretch of the day before (of the week before, if it is longer
than a day); without any, the last hour is. A series is told only if it moved by --min-effect times
its own noise: docs/changes.md describes the statistics.

Examples:
  perfwatch changes                                  the last hour against the same of yesterday
  perfwatch changes -2h..-1h -1h                     the last hour against the one before it
  perfwatch changes 'yesterday 14:00..15:00' 'today 14:00..15:00' --store /srv/perfwatch.db
  PERFWATCH_PASSWORD=... perfwatch changes --server http://127.0.0.1:8000 -1d
  perfwatch changes --format json | jq -r '.changes[].path'

A file that a running daemon has open is that daemon's alone: ask it with --server. The login then
comes from PERFWATCH_USERNAME (admin if unset) and PERFWATCH_PASSWORD, or is a token from
--token-file or PERFWATCH_TOKEN; --ca-file names an authority of your own for https://.

Exit status: 0 nothing changed, 1 something did, 2 wrong usage or trouble (also where a window holds
nothing).";

#[derive(Debug, Args)]
#[command(after_help = CHANGES_HELP)]
pub(crate) struct ChangesArgs {
    /// What is compared with; if it is the only window, what is asked about.
    #[arg(value_name = "WINDOW", allow_hyphen_values = true)]
    pub(crate) first: Option<String>,
    /// What is asked about.
    #[arg(value_name = "WINDOW", allow_hyphen_values = true)]
    pub(crate) second: Option<String>,
    /// How to show it.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ChangesFormat,
    /// The host's name; by default the daemon's own, or the only one of a file, or this one.
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// The floor: what moved by fewer times its own noise did not change.
    #[arg(long, value_name = "TIMES", default_value_t = DEFAULT_MIN_EFFECT, value_parser = above_zero)]
    pub(crate) min_effect: f64,
    /// Show at most so many, the greatest changes.
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    /// The file with the history, as a path or as sqlite:FILE, of a daemon that does not run; by
    /// default that of $PERFWATCH_STORE, or the one that a daemon of this user or the packaged
    /// service keeps.
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    pub(crate) store: Option<String>,
    /// Ask the daemon at this address.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChangesFormat {
    /// For people.
    Table,
    /// What a daemon answers at /api/history/changes, on one line.
    Json,
}

fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "it must be a number above 0".to_owned())
}
