//! What the daemon is told: one struct per concern, filled from the table in [`settings`].
//!
//! Values come from the defaults, then the file, then the environment, then the flags; a later
//! one wins. All that is wrong is reported at once ([`ConfigError`]). This module opens nothing
//! but the configuration file and the scrape token's file; it knows no HTTP and no store.

mod command;
mod layers;
mod markdown;
mod parse;
mod place;
mod settings;
mod suggest;

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use perfwatch_collect::Roots;

pub use layers::{ConfigError, Problem, ReadError};
pub use markdown::settings_markdown;
pub use place::{data_file, shown_place};
pub(crate) use suggest::nearest;

use crate::secret::Secret;

/// Everything the daemon is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where and to whom it answers.
    pub http: HttpConfig,
    /// What it reads, and how often.
    pub sampling: SamplingConfig,
    /// Where history is kept.
    pub store: StoreConfig,
    /// Who may log in, and for how long.
    pub auth: AuthConfig,
    /// Who may read `/metrics`.
    pub exposition: ExpositionConfig,
    /// Which log lines are written, in the syntax of `tracing`'s filters.
    pub log: String,
}

/// Where and to whom the daemon answers.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Origins of pages besides the daemon's own whose WebSockets and changing requests are
    /// accepted, such as `https://watch.example.org`. It is no CORS: none of them reads an answer.
    pub allowed_origins: Vec<String>,
    /// Proxies that are believed whom they ask for.
    pub trusted_proxies: Vec<IpAddr>,
    /// Connections held at once.
    pub max_connections: usize,
    /// Connections held at once from one address.
    pub max_connections_per_address: usize,
    /// How long a client may take to send a request's head, and to stay silent between requests.
    pub header_timeout: Duration,
    /// How long a client may leave what was sent to it unread.
    pub send_timeout: Duration,
    /// How long a client may take in all to read one answer, which is kept in memory until then.
    pub response_timeout: Duration,
}

/// What is read, and how often.
#[derive(Clone, Debug)]
pub struct SamplingConfig {
    /// Time between two ticks.
    pub interval: Duration,
    /// Where the host's files are.
    pub roots: Roots,
    /// The name to keep history under, if not the kernel's.
    pub host: Option<String>,
}

/// Where history is kept.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The store's URL; it may hold a password.
    pub url: Secret,
    /// The URL of what keeps users, configuration and the archive policy, if not the store.
    pub accounts: Option<Secret>,
    /// Where this user's data belong, for what a store elsewhere needs beside it here.
    pub data_directory: Option<PathBuf>,
    /// Where frames wait on disk while the store is away, if not in the usual place.
    pub spool_directory: Option<PathBuf>,
    /// The most bytes of disk that these take; 0 for none.
    pub spool_max_bytes: u64,
}

impl StoreConfig {
    /// The URL of what keeps users.
    pub fn accounts_url(&self) -> &str {
        self.accounts.as_ref().unwrap_or(&self.url).expose()
    }

    /// The directory of the daemon's own files: that of the SQLite file, if there is one; none
    /// where history is kept in memory.
    pub fn directory(&self) -> Option<PathBuf> {
        let url = self.url.expose();
        match data_file(url).or_else(|| data_file(self.accounts_url())) {
            Some(file) => file.parent().map(Path::to_owned),
            None if url.starts_with("memory:") => None,
            None => self.data_directory.clone(),
        }
    }

    /// Where frames wait on disk while the store is away: beside an SQLite file, else in the data
    /// directory; nowhere where history is kept in memory.
    pub fn spool(&self) -> Option<PathBuf> {
        if self.spool_max_bytes == 0 {
            return None;
        }
        let beside = || {
            let mut name = data_file(self.url.expose())?.into_os_string();
            name.push(".spool");
            Some(PathBuf::from(name))
        };
        let usual = || beside().or_else(|| Some(self.directory()?.join("spool")));
        self.spool_directory.clone().or_else(usual)
    }
}

/// Who may log in, and for how long.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// How long a login lasts.
    pub token_lifetime: Duration,
    /// The first password of `admin`; a random one is made where none is given.
    pub admin_password: Option<Secret>,
}

/// Who may read `/metrics` besides those who are logged in.
#[derive(Clone, Default)]
pub struct ExpositionConfig {
    /// Everybody.
    pub open: bool,
    /// Who sends the token with this SHA-256.
    pub token_sha256: Option<[u8; 32]>,
}

impl std::fmt::Debug for ExpositionConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExpositionConfig")
            .field("open", &self.open)
            .field("token_sha256", &self.token_sha256.map(|_| "(secret)"))
            .finish()
    }
}

impl Default for Config {
    /// The settings' defaults, except that history is kept in memory.
    fn default() -> Self {
        let mut config = Self {
            http: HttpConfig {
                listen: SocketAddr::from(([127, 0, 0, 1], 0)),
                allowed_origins: Vec::new(),
                trusted_proxies: Vec::new(),
                max_connections: 0,
                max_connections_per_address: 0,
                header_timeout: Duration::from_secs(15),
                send_timeout: Duration::from_secs(10),
                response_timeout: Duration::from_secs(60),
            },
            sampling: SamplingConfig {
                interval: Duration::ZERO,
                roots: Roots::default(),
                host: None,
            },
            store: StoreConfig {
                url: Secret::new("memory:"),
                accounts: None,
                data_directory: None,
                spool_directory: None,
                spool_max_bytes: 0,
            },
            auth: AuthConfig { token_lifetime: Duration::ZERO, admin_password: None },
            exposition: ExpositionConfig::default(),
            log: String::new(),
        };
        settings::apply_defaults(&mut config);
        config
    }
}

impl Config {
    /// Reads the command line (the program's name first), the environment and the file.
    ///
    /// # Errors
    /// [`ReadError::Usage`] for a command line that cannot be read, and for `--help`;
    /// [`ReadError::Config`] with everything that is wrong with the values.
    pub fn read(
        args: impl IntoIterator<Item = std::ffi::OsString>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ReadError> {
        layers::read(args, env)
    }
}
