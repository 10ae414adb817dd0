//! A few connections that are kept, and let go of as soon as one of them is in doubt.
//!
//! A connection goes back only after an answer came to its end ([`Held::keep`]). Whoever gives up on
//! a call, by a deadline or because nobody waits any more, drops the connection with it, which ends
//! the statement on the server (`client_connection_check_interval`) and never hands a connection on
//! whose server has vanished. A server that refuses is told at once, not after a deadline.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{Connection, Executor, PgConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::address::Address;

/// How long a server may take to let a connection in.
const CONNECT: Duration = Duration::from_secs(5);

/// How long it may take to say that one is alive: with [`CONNECT`], less than the 10 s in which a
/// vanished server is noticed.
const PING: Duration = Duration::from_secs(3);

/// A connection that was not used for so long is asked whether it is alive first.
const FRESH: Duration = Duration::from_secs(1);

/// A connection that was not used for so long is closed.
const REST: Duration = Duration::from_secs(60);

/// How long a call waits for one of the connections.
const PATIENCE: Duration = Duration::from_secs(5);

/// A session's settings. The server ends what nobody waits for: an open transaction would hold its
/// locks, and with them another daemon.
const SETTINGS: &str = "SET statement_timeout = '30s'; SET lock_timeout = '8s'; \
    SET idle_in_transaction_session_timeout = '60s'; SET tcp_keepalives_idle = 10; \
    SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2; SET tcp_user_timeout = 10000; \
    SET TIME ZONE 'UTC'";

/// Not every system can do this.
const CHECK_CLIENT: &str = "SET client_connection_check_interval = '2s'";

/// Connections to one database.
#[derive(Debug)]
pub(super) struct Pool {
    address: Arc<Address>,
    /// What a session needs for its work.
    prepare: &'static str,
    idle: Arc<Idle>,
    permits: Arc<Semaphore>,
}

/// Connections that nobody uses, each since when; the one that was used last is the last.
#[derive(Debug, Default)]
struct Idle(Mutex<Vec<(PgConnection, Instant)>>);

impl Idle {
    fn all(&self) -> MutexGuard<'_, Vec<(PgConnection, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    connection: Option<PgConnection>,
    /// Whether it was opened for whoever holds it.
    pub(super) is_new: bool,
    idle: Arc<Idle>,
    permits: Arc<Semaphore>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// At most so many connections, opened when they are needed.
    pub(super) fn new(address: &Arc<Address>, most: usize, prepare: &'static str) -> Self {
        let permits = Arc::new(Semaphore::new(most));
        Self { address: Arc::clone(address), prepare, idle: Arc::default(), permits }
    }

    /// A connection that is alive.
    pub(super) async fn take(&self) -> Result<Held, sqlx::Error> {
        let permit = timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let living = self.living().await;
        let is_new = living.is_none();
        let connection = match living {
            Some(connection) => connection,
            // Seldom, and large: it has no place in every future that takes a connection.
            None => Box::pin(within(CONNECT, self.connect())).await?,
        };
        let (idle, permits) = (Arc::clone(&self.idle), Arc::clone(&self.permits));
        Ok(Held { connection: Some(connection), is_new, idle, permits, _permit: permit })
    }

    /// One of the connections that are open already. Where the first does not answer, none is asked
    /// any more: their server is the same.
    async fn living(&self) -> Option<PgConnection> {
        let (mut connection, since) = self.idle.all().pop()?;
        if since.elapsed() < FRESH || within(PING, connection.ping()).await.is_ok() {
            return Some(connection);
        }
        self.idle.all().clear();
        None
    }

    /// Closes what rested for long. The server is told, and finds nothing to complain of.
    pub(super) fn close_rested(&self) {
        let mut idle = self.idle.all();
        let rested = idle.partition_point(|(_, since)| since.elapsed() >= REST);
        if rested > 0 {
            tokio::spawn(close_all(idle.drain(..rested).collect()));
        }
    }

    /// Whether the server lets anybody in now, or says why not.
    pub(super) async fn is_answered(&self) -> bool {
        let connected = within(CONNECT, PgConnection::connect_with(&self.address.options())).await;
        match connected {
            Ok(connection) => within(PING, connection.close()).await.is_ok(),
            Err(error) => !matches!(error, sqlx::Error::Io(_)),
        }
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.address.options()).await?;
        connection.execute(SETTINGS).await?;
        connection.execute(self.prepare).await?;
        let _ = connection.execute(CHECK_CLIENT).await;
        Ok(connection)
    }

    /// Lets nobody in any more, and closes what is open.
    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.all());
        close_all(idle).await;
    }
}

async fn close_all(connections: Vec<(PgConnection, Instant)>) {
    for (connection, _) in connections {
        let _ = within(PING, connection.close()).await;
    }
}

async fn within<T>(
    most: Duration,
    call: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    timeout(most, call).await.map_err(late)?
}

impl Held {
    /// Gives it back: what was asked was answered, and no transaction is open.
    pub(super) fn keep(mut self) {
        if let Some(connection) = self.connection.take()
            && !self.permits.is_closed()
        {
            self.idle.all().push((connection, Instant::now()));
        }
    }
}

/// There is a connection until it is given back, which takes the value.
#[allow(clippy::expect_used)]
impl Deref for Held {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("a connection is held")
    }
}

#[allow(clippy::expect_used)]
impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("a connection is held")
    }
}
