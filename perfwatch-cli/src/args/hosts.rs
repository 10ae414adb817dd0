//! What may be typed behind `perfwatch hosts`.

use clap::{Args, ValueEnum};

use super::Access;

const HOSTS_HELP: &str = "\
Examples:
  PERFWATCH_PASSWORD=... perfwatch hosts --server http://127.0.0.1:8000
  perfwatch hosts --server http://db1:8000 --format json | jq -r '.hosts[] | select(.state != \"live\").name'
  perfwatch hosts --server https://watch.example.org --ca-file /etc/ssl/our-authority.pem

Those come first that somebody should look at: who went silent within a day, who is late, then who
sends, by the greatest percentage shown; last who is gone for longer. * is the daemon's own host.

The login comes from PERFWATCH_USERNAME (admin if unset) and PERFWATCH_PASSWORD, or is a token from
--token-file or PERFWATCH_TOKEN.";

#[derive(Debug, Args)]
#[command(after_help = HOSTS_HELP)]
pub(crate) struct HostsArgs {
    /// The daemon to ask: any of those that share a store.
    #[arg(long, value_name = "URL")]
    pub(crate) server: String,
    #[command(flatten)]
    pub(crate) access: Access,
    /// How to show it.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: HostsFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostsFormat {
    /// For people.
    Table,
    /// What a daemon answers at /api/hosts, on one line.
    Json,
}
