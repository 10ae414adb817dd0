//! The arguments of `perfwatch store`.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand, ValueEnum};

/// Where the packaged service keeps its history.
const OF_THE_SERVICE: &str = "/var/lib/perfwatch";

const INFO_EXAMPLES: &str = "\
Examples:
  perfwatch store info
  perfwatch store info /var/lib/perfwatch/perfwatch.db
  perfwatch store info --format json | jq .bytes_per_value

The file is only read, also while a daemon writes it.

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

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Says what is in the file and what takes its bytes.
    Info(StoreInfoArgs),
    /// Reads everything in the file and names what is damaged.
    Verify(StoreVerifyArgs),
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
pub(crate) struct StoreFile {
    /// The history file, or its URL (sqlite:FILE). By default the daemon's: perfwatch.db in
    /// $STATE_DIRECTORY, $XDG_DATA_HOME/perfwatch or ~/.local/share/perfwatch, else in
    /// /var/lib/perfwatch.
    #[arg(value_name = "STORE", env = "PERFWATCH_STORE")]
    store: Option<String>,
}

impl StoreFile {
    /// The file that is meant; it may not be there.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        let given = self.store.as_deref().filter(|text| !text.is_empty());
        if let Some(text) = given {
            return Ok(perfwatch_store::file_of(text)?);
        }
        let own = perfwatch_store::data_directory(&|name| std::env::var(name).ok());
        let of_service = PathBuf::from(OF_THE_SERVICE).join(perfwatch_store::FILE_NAME);
        match own.map(|directory| directory.join(perfwatch_store::FILE_NAME)) {
            Some(own) if own.exists() || !of_service.exists() => Ok(own),
            None if !of_service.exists() => {
                Err(anyhow!("there is no home directory to look in: name the history file"))
            }
            _ => Ok(of_service),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}
