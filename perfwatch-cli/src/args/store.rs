//! The arguments of `perfwatch store`.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

use crate::history_file::{Target, accounts_target, history_file, target};

const INFO_EXAMPLES: &str = "\
Examples:
  perfwatch store info
  perfwatch store info /var/lib/perfwatch/perfwatch.db
  perfwatch store info --format json | jq .bytes_per_value

The file is only read, also while a daemon writes it.

Exit status: 0 done, 1 failed, 2 wrong usage.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  perfwatch store export --output history.csv
  perfwatch store export --output year.parquet --start 2026-01-01 --end 2027-01-01
  perfwatch store export --format jsonl --host db1 --fields 'cpu.*,disk.devices.*.utilization_percent'
  perfwatch store export --interval 1h --output hours.csv

Without --interval, every value is exported exactly as it was stored, and `perfwatch store import`
makes the same history of the file again. What was downsampled already has no single values left;
with --interval its average, lowest, highest and count are exported (columns such as
cpu.usage_percent:avg), which cannot be imported.

  csv      a header, then a row per frame: timestamp, host, a column per series; missing is empty
  jsonl    an object per frame and line, its data nested as in `perfwatch snapshot --format json`
  parquet  a column per series (integers, or decimals with the digits that are stored); missing is
           null

In CSV, a host or series whose name begins with =, +, - or @ gets a ' in front, so that no
spreadsheet takes it for a formula; the import takes it off again.

The file is only read, also while a daemon writes it. The output has its name once it is complete.

Exit status: 0 done, 1 failed, or something is damaged and was left out, 2 wrong usage.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  perfwatch store import history.csv other.db
  perfwatch store import year.parquet sqlite:/var/lib/perfwatch/perfwatch.db
  zcat history.jsonl.gz | perfwatch store import - other.db --format jsonl
  perfwatch store import history.parquet postgres://watch@db1/metrics
  perfwatch store import history.parquet prometheus+http://victoria:8428
  PERFWATCH_STORE='postgres://watch:PASSWORD@db1/metrics' perfwatch store import refused.jsonl

Reads what `perfwatch store export` or `perfwatch snapshot --format json` wrote, or a file of the
same form: columns `timestamp` (2026-01-31T12:00:00.000Z, or milliseconds since 1970) and `host`,
then one per series (cpu.usage_percent). A file is made if it is not there, and the daemon that uses
it must be stopped; a server may have any number of daemons meanwhile.

A (host, timestamp) that is there already stays as it is, so the same file may be read twice, and
again after an error: what stands before the error is kept. Numbers are kept exactly, with up to 9
decimals. An engine (prometheus+http) has its own rules: it takes old frames only within its
retention and its out-of-order window, has 15 digits of a number, and decides itself between two
different frames of one time.

Exit status: 0 done, 1 failed, 2 wrong usage.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  perfwatch store verify
  perfwatch store verify backup.db && echo sound
  perfwatch store verify --format json | jq -r '.damaged[].series'

Reads every byte of history and checks it: the database's own structure, then the checksum of every
frame, directory, series and hour. The file is only read, also while a daemon writes it. What is
damaged is never shown as a value anywhere; all else stays readable.

Exit status: 0 all is sound, 1 something is damaged or cannot be read, 2 wrong usage.";

const PASSWORD_EXAMPLES: &str = "\
Examples:
  perfwatch store password
  perfwatch store password --random
  perfwatch store password /var/lib/perfwatch/perfwatch.db --random
  perfwatch store password --user admin < new-password.txt
  PERFWATCH_STORE='postgres://watch@db1/metrics' perfwatch store password

For who lost the password, and may write what keeps it. All sessions of the user end. The daemon that
has a history file must be stopped for it (systemctl stop perfwatch); those on PostgreSQL may go on.

The new password, of 12 to 1024 characters, is asked for twice on a terminal and not shown, or is one
line of standard input. It is never an argument: others could see it.

Exit status: 0 done, 1 failed, 2 wrong usage.";

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Says what is in the file and what takes its bytes.
    Info(StoreInfoArgs),
    /// Reads everything in the file and names what is damaged.
    Verify(StoreVerifyArgs),
    /// Writes history as CSV, JSON lines or Parquet.
    Export(StoreExportArgs),
    /// Takes the frames of a CSV, JSON lines or Parquet file into a store.
    Import(StoreImportArgs),
    /// Sets a new password of a user who lost theirs.
    Password(StorePasswordArgs),
}

#[derive(Debug, Args)]
#[command(after_help = INFO_EXAMPLES)]
pub(crate) struct StoreInfoArgs {
    #[command(flatten)]
    pub(crate) file: StoreFile,
    /// How to show it.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct StoreVerifyArgs {
    #[command(flatten)]
    pub(crate) file: StoreFile,
    /// How to show it.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct StoreExportArgs {
    #[command(flatten)]
    pub(crate) file: StoreFile,
    /// How to write it; by default what the output's name ends in, else csv.
    #[arg(long, value_enum)]
    pub(crate) format: Option<FileFormat>,
    /// The file to write; - is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Replace an output that is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// The first time, such as 2026-01-31 (UTC) or 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) start: Option<i64>,
    /// The time behind the last.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) end: Option<i64>,
    /// Only these hosts.
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Only these series, separated by commas; * is any one part of a name.
    #[arg(long, value_name = "PATTERNS")]
    pub(crate) fields: Vec<String>,
    /// Length of buckets to summarise, such as 5m, 1h or 1d; raw is every value.
    #[arg(long, value_name = "DURATION", default_value = "raw", value_parser = bucket)]
    pub(crate) interval: Bucket,
}

#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(crate) struct StoreImportArgs {
    /// The file to read; - is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// The store: a history file or its URL (sqlite:FILE), or that of a server
    /// (postgres://USER:PASSWORD@HOST/DATABASE, prometheus+http://HOST:PORT). By default that of
    /// $PERFWATCH_STORE, which keeps a password out of the list of processes, or the file of a
    /// daemon.
    // clap would show the variable's value in its help, and it may hold a server's password.
    #[arg(value_name = "STORE")]
    store: Option<String>,
    /// How it is written; by default what its name ends in.
    #[arg(long, value_enum)]
    pub(crate) format: Option<FileFormat>,
}

impl StoreImportArgs {
    /// The store that is meant.
    pub(crate) fn target(&self) -> Result<Target> {
        target(self.store.as_deref())
    }
}

#[derive(Debug, Args)]
#[command(after_help = PASSWORD_EXAMPLES)]
pub(crate) struct StorePasswordArgs {
    /// What keeps the users: a history file or its URL (sqlite:FILE), or that of PostgreSQL
    /// (postgres://USER@HOST/DATABASE). By default that of $PERFWATCH_ACCOUNTS or $PERFWATCH_STORE,
    /// which keep a password out of the list of processes, or the file of a daemon.
    // clap would show the variables' values in its help, and they may hold a server's password.
    #[arg(value_name = "STORE")]
    store: Option<String>,
    /// Whose password.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    pub(crate) user: String,
    /// Make one of 20 letters and digits, and show it once.
    #[arg(long)]
    pub(crate) random: bool,
}

impl StorePasswordArgs {
    /// What is meant.
    pub(crate) fn target(&self) -> Result<Target> {
        accounts_target(self.store.as_deref())
    }
}

/// Nothing for every value as it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket(pub(crate) Option<Duration>);

fn bucket(text: &str) -> Result<Bucket, String> {
    if text == "raw" {
        return Ok(Bucket(None));
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("it is raw, or a duration such as 30s, 5m, 1h or 1d".to_owned()),
    };
    let interval = number.parse().ok().and_then(|number: u64| number.checked_mul(seconds));
    let divides = |it: &u64| {
        *it > 0
            && (86_400_u64.is_multiple_of(*it) || it.is_multiple_of(86_400) && *it <= 86_400 * 366)
    };
    let interval = interval.filter(divides).map(Duration::from_secs);
    let interval = interval.ok_or("it must divide a day, or be at most 366 whole days")?;
    Ok(Bucket(Some(interval)))
}

/// A day or a moment, in milliseconds since 1970.
fn time(text: &str) -> Result<i64, String> {
    let day: Result<jiff::civil::Date, _> = text.parse();
    let moment = match (text.contains(['T', ' ']), day) {
        (false, Ok(day)) => day.to_zoned(jiff::tz::TimeZone::UTC).map(|day| day.timestamp()),
        _ => text.parse(),
    };
    let moment = moment.map(|time: jiff::Timestamp| time.as_millisecond());
    moment.map_err(|_| "a time is written like 2026-01-31 or 2026-01-31T12:00:00Z".to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// A row per frame, for spreadsheets and data frames.
    Csv,
    /// A JSON object per frame and line.
    Jsonl,
    /// A column per series, for databases and data frames.
    Parquet,
}

impl FileFormat {
    /// The format that a name ends in.
    pub(crate) fn of(path: &std::path::Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    pub(crate) fn format(self) -> perfwatch_store::Format {
        match self {
            Self::Csv => perfwatch_store::Format::Csv,
            Self::Jsonl => perfwatch_store::Format::JsonLines,
            Self::Parquet => perfwatch_store::Format::Parquet,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct StoreFile {
    /// The history file, or its URL (sqlite:FILE). By default that of $PERFWATCH_STORE, or the
    /// daemon's: perfwatch.db in $STATE_DIRECTORY, $XDG_DATA_HOME/perfwatch or
    /// ~/.local/share/perfwatch, else in /var/lib/perfwatch.
    // clap would show the variable's value in its help, and it may hold a server's password.
    #[arg(value_name = "STORE")]
    store: Option<String>,
}

impl StoreFile {
    /// The file that is meant; it may not be there.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        history_file(self.store.as_deref())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_divides_a_day_or_is_whole_days() {
        assert_eq!(bucket("raw"), Ok(Bucket(None)));
        assert_eq!(bucket("5m"), Ok(Bucket(Some(Duration::from_secs(300)))));
        assert_eq!(bucket("7d"), Ok(Bucket(Some(Duration::from_secs(7 * 86_400)))));
        for bad in ["", "0s", "7m", "5h", "367d", "1w", "-1h", "99999999999999999999d"] {
            assert!(bucket(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_a_day_or_a_moment() {
        assert_eq!(time("1970-01-02"), Ok(86_400_000));
        assert_eq!(time("1970-01-02T00:00:00.5+01:00"), Ok(82_800_500));
        for bad in ["", "yesterday", "12:00", "2026-13-01"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
