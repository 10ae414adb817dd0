//! The `perfwatch-server` program.

#[allow(unsafe_code)] // See its module doc.
mod allocator;

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    process::ExitCode,
};

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use perfwatch_server::{
    Config, Daemon, Secret,
    config::{HttpConfig, ReadError},
    data_file, shown_place,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// The exit code for a command line or a configuration that cannot be used.
const USAGE: u8 = 2;

/// The fewest and the most threads for requests: one busy thread must not hold up all, and a
/// monitor has no work for a hundred.
const WORKERS: (usize, usize) = (2, 4);

fn main() -> ExitCode {
    allocator::return_large_pieces();
    let config = match Config::read(std::env::args_os(), &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(ReadError::Usage(usage)) => usage.exit(),
        Err(ReadError::Config(problems)) => return fail(&problems, USAGE),
    };
    start_log(&config.log);
    raise_file_limit();
    match start(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format_args!("{error:#}"), 1),
    }
}

fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // Nobody reads standard error: the exit code is all that can be said.
    let _ = writeln!(io::stderr(), "perfwatch-server: {error}");
    ExitCode::from(code)
}

fn start_log(filter: &str) {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

/// Each connection and each hardware counter is a file; the usual limit of 1024 is for programs
/// that call `select`.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Runs the daemon on threads of its own. What still blocks after the end is not waited for.
fn start(config: Config) -> anyhow::Result<()> {
    let cpus = std::thread::available_parallelism().map_or(WORKERS.0, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cpus.clamp(WORKERS.0, WORKERS.1))
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let ended = runtime.block_on(run(config));
    runtime.shutdown_background();
    ended
}

async fn run(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let listener = listen(&config.http).await?;
    let address = listener.local_addr().context("cannot tell the address")?;
    warn_of_clear_text(address);
    let place = place(config.store.url.expose());
    let mut daemon = Daemon::open(config).await?;
    welcome(&daemon, address, &place).context("cannot write to standard output")?;
    daemon.make_first_user().await?;
    daemon.show_later(|password| say_password(&mut io::stdout().lock(), password));
    let shutdown = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(daemon.serve(listener, shutdown).await?)
}

async fn listen(config: &HttpConfig) -> anyhow::Result<TcpListener> {
    let address = config.listen;
    TcpListener::bind(address).await.map_err(|error| {
        let cure = match error.kind() {
            io::ErrorKind::AddrInUse => "another program has the port; choose one with --listen",
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a right; choose another with --listen"
            }
            _ => "choose an address of this host with --listen",
        };
        anyhow::anyhow!("cannot listen on {address}: {error}: {cure}")
    })
}

/// Only what stays on this host needs no TLS.
fn warn_of_clear_text(address: SocketAddr) {
    if !address.ip().to_canonical().is_loopback() {
        tracing::warn!(
            %address,
            "passwords and tokens cross the network unencrypted unless a proxy before this address \
             speaks TLS; see `Behind a proxy` in the README"
        );
    }
}

/// Where history is.
fn place(url: &str) -> String {
    match data_file(url) {
        Some(file) => format!("History is in     {}", file.display()),
        None if url.starts_with("memory:") => {
            "History is kept in memory and lost at the end".to_owned()
        }
        None => format!("History is in     {}", shown_place(url)),
    }
}

/// Says once where the dashboard is, where the data are, and the first password.
fn welcome(daemon: &Daemon, address: SocketAddr, place: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "PerfWatch is on   http://{address}")?;
    writeln!(out, "{place}")?;
    if let Some(password) = daemon.first_password() {
        say_password(&mut out, password)?;
    }
    out.flush()
}

fn say_password(out: &mut impl Write, password: &Secret) -> io::Result<()> {
    writeln!(out, "First login       user admin, password {}", password.expose())?;
    writeln!(out, "                  (shown this once; change it under Settings)")?;
    out.flush()
}
