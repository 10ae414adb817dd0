//! How a daemon is asked, by every command that can.

use std::path::PathBuf;

use clap::Args;

/// What is needed besides the daemon's address.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// A file that holds a token for the daemon, and nothing else.
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file (PEM) with the authorities that may vouch for a daemon at https://, instead of the
    /// public ones; by default that of $PERFWATCH_CA_FILE.
    // clap would ask for --server wherever the variable is set.
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) ca_file: Option<PathBuf>,
}
