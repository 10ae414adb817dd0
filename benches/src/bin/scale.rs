//! What stores of many hosts cost: `scale --help`. `benches/scale/run` starts the servers it needs.

use std::{io::stdout, time::Duration};

use anyhow::Result;
use clap::{Parser, Subcommand};
use perfwatch_benches::scale::{compare, fleet, print};

/// What stores of many hosts cost.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fill an empty database with a busy host, once as PerfWatch does and once plainly, ask both.
    Postgres {
        /// The database.
        url: String,
        /// How many days.
        #[arg(long, default_value_t = 7)]
        days: i64,
    },
    /// Send the frames of many made hosts, each through a writer of its own.
    Fleet {
        /// The store: prometheus+http://HOST:PORT of a VictoriaMetrics, or an empty database.
        url: String,
        /// How many hosts.
        #[arg(long, default_value_t = 1000)]
        hosts: usize,
        /// For how long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
}

fn main() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(Cli::parse().command))
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Postgres { url, days } => print(&mut stdout(), &compare(&url, days).await?),
        Command::Fleet { url, hosts, seconds } => {
            let length = Duration::from_secs(seconds);
            fleet(&url, hosts, length).await?.print(&mut stdout())
        }
    }
}
