//! The command line, as it may be typed.

mod access;
mod changes;
mod hosts;
mod store;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use perfwatch_collect::{MIN_INTERVAL, Roots};

pub(crate) use access::Access;
pub(crate) use changes::{ChangesArgs, ChangesFormat};
pub(crate) use hosts::{HostsArgs, HostsFormat};
pub(crate) use store::{
    FileFormat, ReportFormat, StoreCommand, StoreExportArgs, StoreImportArgs, StoreInfoArgs,
    StorePasswordArgs, StoreVerifyArgs,
};

const EXAMPLES: &str = "\
Examples:
  perfwatch snapshot                                 this host, rates over one second
  perfwatch snapshot --format json --count 60        one JSON object per second, for a minute
  perfwatch snapshot --server http://db1:8000        another host; PERFWATCH_PASSWORD logs in
  perfwatch changes yesterday -1h                    what changed between two windows of history
  perfwatch hosts --server http://db1:8000           all hosts of that daemon's store
  perfwatch doctor                                   what is missing here, and the cure
  perfwatch metrics                                  every metric with unit and meaning
  perfwatch store info                               what history is kept, and what it takes

Exit status: 0 done, 1 failed, 2 wrong usage; `changes` has its own.";

const SNAPSHOT_EXAMPLES: &str = "\
Examples:
  perfwatch snapshot
  perfwatch snapshot --interval 5s --format prometheus
  perfwatch snapshot --format json --count 10 | jq .data.cpu.usage_percent
  perfwatch snapshot --path.procfs /host/proc --path.sysfs /host/sys --path.rootfs /host
  PERFWATCH_PASSWORD=... perfwatch snapshot --server http://127.0.0.1:8000
  perfwatch snapshot --server http://127.0.0.1:8000 --host db1
  perfwatch snapshot --server https://watch.example.org --ca-file /etc/ssl/our-authority.pem

With --server, the login comes from PERFWATCH_USERNAME (admin if unset) and PERFWATCH_PASSWORD, or
is a token from --token-file or PERFWATCH_TOKEN. Secrets are never arguments: others could see them.";

/// Watches a Linux host down to its hardware counters.
#[derive(Debug, Parser)]
#[command(name = "perfwatch", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the metrics of this host or of a daemon, once or repeatedly.
    Snapshot(SnapshotArgs),
    /// Says what changed between two windows of history, the farthest move first.
    Changes(ChangesArgs),
    /// Lists all hosts of a daemon's store, those first that somebody should look at.
    Hosts(HostsArgs),
    /// Says what this host offers, what is missing, why, and what would help.
    Doctor(DoctorArgs),
    /// Shows, checks, exports and fills what history is kept in; sets a lost password anew.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Lists all metrics with unit and meaning.
    #[command(visible_alias = "catalog")]
    Metrics(MetricsArgs),
    /// Writes the completion script of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
#[command(after_help = SNAPSHOT_EXAMPLES)]
pub(crate) struct SnapshotArgs {
    /// How to show it.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: SnapshotFormat,
    /// Time over which rates are measured, and between two snapshots.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,
    /// How many snapshots; 0 is one.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) count: u64,
    #[command(flatten)]
    pub(crate) paths: Paths,
    /// Ask the daemon at this address instead of reading this host; paths do not matter then.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Show this host of the daemon's store instead of the daemon's own.
    #[arg(long, value_name = "NAME", requires = "server")]
    pub(crate) host: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// How to show it.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: DoctorFormat,
    #[command(flatten)]
    pub(crate) paths: Paths,
}

#[derive(Debug, Args)]
pub(crate) struct MetricsArgs {
    /// How to show it.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: MetricsFormat,
}

/// Where the host's files are.
#[derive(Debug, Args)]
pub(crate) struct Paths {
    /// Where the host's /proc is mounted.
    #[arg(long = "path.procfs", value_name = "DIR", env = "PERFWATCH_PATH_PROCFS", value_parser = directory)]
    procfs: Option<PathBuf>,
    /// Where the host's /sys is mounted.
    #[arg(long = "path.sysfs", value_name = "DIR", env = "PERFWATCH_PATH_SYSFS", value_parser = directory)]
    sysfs: Option<PathBuf>,
    /// Where the host's root file system is mounted.
    #[arg(long = "path.rootfs", value_name = "DIR", env = "PERFWATCH_PATH_ROOTFS", value_parser = directory)]
    rootfs: Option<PathBuf>,
}

impl Paths {
    pub(crate) fn roots(&self) -> Roots {
        let usual = Roots::default();
        Roots {
            procfs: self.procfs.clone().unwrap_or(usual.procfs),
            sysfs: self.sysfs.clone().unwrap_or(usual.sysfs),
            rootfs: self.rootfs.clone().unwrap_or(usual.rootfs),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SnapshotFormat {
    /// For people.
    Table,
    /// The message that a daemon sends to its dashboard, on one line.
    Json,
    /// The raw counters as Prometheus text.
    Prometheus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricsFormat {
    /// For people.
    Table,
    /// What a daemon answers at /api/metrics/catalog.
    Json,
    /// The project's docs/metrics.md.
    Markdown,
}

fn directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("there is no such folder".to_owned()) }
}

/// `500ms`, `1s` or `1m`, within what the sampler accepts.
fn interval(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => return Err("a duration is written like 500ms, 5s or 1m".to_owned()),
    };
    let ms = number.parse().ok().and_then(|number: u64| number.checked_mul(factor));
    let interval = ms.map(Duration::from_millis);
    let within = interval.filter(|it| (MIN_INTERVAL..=Duration::from_secs(3600)).contains(it));
    within.ok_or_else(|| "it must lie between 100ms and 60m".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn intervals_have_a_unit_and_bounds() {
        assert_eq!(interval("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(interval("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "1", "1.5s", "-1s", "99ms", "2h", "61m", "99999999999999999999s"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }
}
