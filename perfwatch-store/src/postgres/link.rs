//! The way to a database: from a URL to connections, opened when they are needed.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::postgres::PgSslMode;
use tokio::{sync::OnceCell, time::timeout};
use url::Url;

use super::{
    address::{self, Address},
    append::STAGE,
    error,
    pool::{Held, Pool},
    schema,
};
use crate::{
    StoreError,
    open::{IN_PERCENT, bad_url, behind_host},
};

/// So many queries run at once; more wait.
const READERS: usize = 4;

/// One appends, one seals and one applies a policy.
const WRITERS: usize = 3;

/// Look-ups of accounts have connections of their own: no query keeps anybody from logging in.
const ACCOUNTS: usize = 2;

/// A write that takes longer has failed: it is sent again.
pub(super) const WRITE: Duration = Duration::from_secs(9);

/// A query that takes longer is given up, here and on the server.
pub(super) const READ: Duration = Duration::from_secs(30);

/// What may stand behind a URL's `?`; with `options[NAME]`, a setting of the server.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
    // Other spellings.
    "ssl-mode",
    "ssl-root-cert",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
];

/// After so long without an answer, the server is asked whether it is there: with the time that it
/// has to let somebody in, less than the 10 s in which a vanished server is noticed.
const SILENCE: Duration = Duration::from_secs(4);

/// Connections to a database, by what they are for.
pub(super) struct Link {
    /// Where it is, without who asks: for messages.
    place: String,
    readers: Pool,
    writers: Pool,
    accounts: Pool,
    /// Set once the schema is as this version needs it.
    ready: OnceCell<()>,
    closed: AtomicBool,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Link {
    /// Reads a URL; nothing is connected yet.
    pub(super) fn new(url: &str) -> Result<Self, StoreError> {
        if behind_host(url).contains('@') {
            return Err(bad_url(format!("`postgres:` has an `@` behind its host: {IN_PERCENT}")));
        }
        // What the parsers say of a URL may repeat parts of it.
        let wrong = || {
            bad_url("`postgres:` needs a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE")
        };
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        // The library would log what it does not know, with its value.
        if parsed.query_pairs().any(|(name, _)| !is_known(&name)) {
            let known = PARAMETERS.join(", ");
            return Err(bad_url(format!(
                "`postgres:` has a parameter that there is not, only {known}"
            )));
        }
        let options = address::read(url).map_err(|_| wrong())?;
        address::look_at_passwords();
        let asked = parsed.query_pairs().any(|(name, _)| matches!(&*name, "sslmode" | "ssl-mode"));
        let options = match (options.get_socket(), asked) {
            (Some(_), _) => options.ssl_mode(PgSslMode::Disable),
            (None, false) => options.ssl_mode(PgSslMode::VerifyFull),
            (None, true) => options,
        };
        let options = options.application_name("perfwatch");
        let database = options.get_database().unwrap_or(options.get_username());
        let place = match options.get_socket() {
            Some(socket) => format!("the database {database} at {}", socket.display()),
            None => {
                format!("the database {database} at {}:{}", options.get_host(), options.get_port())
            }
        };
        let address = Arc::new(Address::new(url, options));
        Ok(Self {
            place,
            readers: Pool::new(&address, READERS, ""),
            writers: Pool::new(&address, WRITERS, STAGE),
            accounts: Pool::new(&address, ACCOUNTS, ""),
            ready: OnceCell::new(),
            closed: AtomicBool::new(false),
        })
    }

    /// A connection for a query.
    pub(super) async fn reader(&self) -> Result<Held, StoreError> {
        self.held(&self.readers).await
    }

    /// A connection for a transaction that writes.
    pub(super) async fn writer(&self) -> Result<Held, StoreError> {
        self.held(&self.writers).await
    }

    /// A connection for accounts.
    pub(super) async fn account(&self) -> Result<Held, StoreError> {
        self.held(&self.accounts).await
    }

    async fn held(&self, pool: &Pool) -> Result<Held, StoreError> {
        self.ready().await?;
        let mut held = pool.take().await.map_err(self.explain())?;
        // Whatever a daemon does, it ticks: nobody else needs a clock for this.
        for pool in self.pools() {
            pool.close_rested();
        }
        if held.is_new {
            Box::pin(schema::check(&mut held, self)).await?;
        }
        Ok(held)
    }

    /// Brings the schema up to date, once.
    pub(super) async fn ready(&self) -> Result<(), StoreError> {
        self.open()?;
        let migrate = async {
            let mut writer = self.writers.take().await.map_err(self.explain())?;
            schema::migrate(&mut writer, self).await?;
            writer.keep();
            Ok(())
        };
        self.ready.get_or_try_init(|| migrate).await.map(drop)
    }

    /// Nothing but whether the store was closed.
    pub(super) fn open(&self) -> Result<(), StoreError> {
        match self.closed.load(Ordering::Acquire) {
            true => Err(StoreError::closed()),
            false => Ok(()),
        }
    }

    /// Ends a call that takes too long. What it held is let go of.
    pub(super) async fn within<T>(
        &self,
        most: Duration,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let late = |_| {
            let seconds = most.as_secs();
            StoreError::unavailable(format!("{} did not answer within {seconds} s", self.place))
        };
        tokio::select! {
            biased;
            answer = timeout(most, call) => answer.map_err(late)?,
            () = self.vanished(), if most > WRITE => {
                let reason = format!("{} does not answer any more", self.place);
                Err(StoreError::unavailable(reason))
            }
        }
    }

    /// Ends when the server says nothing any more, to nobody. A question may take long, and one whose
    /// server has vanished looks the same.
    async fn vanished(&self) {
        loop {
            tokio::time::sleep(SILENCE).await;
            if !Box::pin(self.readers.is_answered()).await {
                return;
            }
        }
    }

    pub(super) fn explain(&self) -> impl Fn(sqlx::Error) -> StoreError + '_ {
        |error| error::explain(&self.place, error)
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for pool in self.pools() {
            pool.close().await;
        }
    }

    fn pools(&self) -> [&Pool; 3] {
        [&self.readers, &self.writers, &self.accounts]
    }
}

fn is_known(parameter: &str) -> bool {
    let is_setting = parameter.starts_with("options[") && parameter.ends_with(']');
    is_setting || PARAMETERS.contains(&parameter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_holds_a_password() {
        let link = Link::new("postgres://me:s3cret@db.example:5433/watch").unwrap();
        assert_eq!(link.place(), "the database watch at db.example:5433");
        assert!(!format!("{link:?}").contains("s3cret"));
        let error = Link::new("postgres://me:s3cret@db.example:port/watch").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }

    #[test]
    fn a_parameter_that_nobody_knows_is_refused_and_not_repeated() {
        for text in [
            "postgres://me@db/watch?sslpassword=s3cret",
            "postgres://me@db/watch?sslmode=require&pasword=s3cret",
            "postgres://me@db/watch?sslmode=require&s3cret",
            "postgres://me:1?s3cret/2",
            "postgres:///watch?host=/run/postgresql&user=me&Password=s3cret",
        ] {
            let error = Link::new(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("only sslmode, sslrootcert"), "{text}: {shown}");
            assert!(!shown.contains("s3cret") && !shown.contains("word="), "{text}: {shown}");
        }
        for key in PARAMETERS.into_iter().chain(["options[search_path]"]) {
            let value = match key {
                "sslmode" | "ssl-mode" => "require",
                "hostaddr" => "127.0.0.1",
                _ => "9",
            };
            Link::new(&format!("postgres://me@db/watch?{key}={value}")).unwrap();
        }
    }

    #[test]
    fn a_password_that_is_not_written_in_percent_is_no_place() {
        for text in [
            "postgres://me:/s3cret@db/watch",
            "postgres://me:s3/cret@db/watch",
            "postgres://me:1/s3cret@db:5432/watch?sslmode=require",
            "postgres://me:?s3cret@db/watch",
            "postgres://me:1?user=s3cret@db/watch",
            "postgres://me:1#s3cret@db/watch",
            "postgres:me:s3cret@db/watch",
            "postgres:/me:s3cret@db/watch",
        ] {
            let error = Link::new(text).map(|link| format!("{link:?}")).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("written in percent"), "{text}: {shown}");
            assert!(!shown.contains("cret") && !shown.contains("s3"), "{text}: {shown}");
        }
        // One in front of the host is the user's or the password's.
        let link = Link::new("postgres://me:a@s3cret%2F@db/watch").unwrap();
        assert_eq!(link.place(), "the database watch at db:5432");
    }
}
