//! A few connections that are kept, and let go of as soon as one of them is in doubt.
//!
//! A connection goes back only after an answer came to its end ([`Held::keep`]). Whoever gives up on
//! a call, by a deadline or because nobody waits any more, drops the connection with it, which ends
//! the statement on the server (`client_connection_check_interval`) and never hands a connection on
//! whose server has vanished. A server that refuses is told at once, not after a deadline.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection, Executor, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long a server may take to let a connection in, or to say that one is alive.
const CONNECT: Duration = Duration::from_secs(5);

/// A connection that was not used for so long is asked whether it is alive first.
const FRESH: Duration = Duration::from_secs(1);

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
    options: PgConnectOptions,
    /// What a session needs for its work.
    prepare: &'static str,
    idle: Arc<Mutex<Vec<(PgConnection, Instant)>>>,
    permits: Arc<Semaphore>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    connection: Option<PgConnection>,
    idle: Arc<Mutex<Vec<(PgConnection, Instant)>>>,
    permits: Arc<Semaphore>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// At most so many connections, opened when they are needed.
    pub(super) fn new(options: PgConnectOptions, most: usize, prepare: &'static str) -> Self {
        let permits = Arc::new(Semaphore::new(most));
        Self { options, prepare, idle: Arc::default(), permits }
    }

    /// A connection that is alive.
    pub(super) async fn take(&self) -> Result<Held, sqlx::Error> {
        let permit = timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let connection = match self.living().await {
            Some(connection) => connection,
            None => within(self.connect()).await?,
        };
        let (idle, permits) = (Arc::clone(&self.idle), Arc::clone(&self.permits));
        Ok(Held { connection: Some(connection), idle, permits, _permit: permit })
    }

    /// One of the connections that are open already.
    async fn living(&self) -> Option<PgConnection> {
        loop {
            let (mut connection, since) =
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if since.elapsed() < FRESH || within(connection.ping()).await.is_ok() {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        connection.execute(SETTINGS).await?;
        connection.execute(self.prepare).await?;
        let _ = connection.execute(CHECK_CLIENT).await;
        Ok(connection)
    }

    /// Lets nobody in any more, and closes what is open.
    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for (connection, _) in idle {
            let _ = within(connection.close()).await;
        }
    }
}

async fn within<T>(call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    timeout(CONNECT, call).await.map_err(late)?
}

impl Held {
    /// Gives it back: what was asked was answered, and no transaction is open.
    pub(super) fn keep(mut self) {
        if let Some(connection) = self.connection.take()
            && !self.permits.is_closed()
        {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((connection, Instant::now()));
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
