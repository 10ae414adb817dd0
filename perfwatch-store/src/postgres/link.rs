//! The way to a database: from a URL to connections, opened when they are needed.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::OnceCell, time::timeout};

use super::{
    address::Address,
    error, passwords,
    pool::{Held, Pool},
    schema::{self, STAGE},
};
use crate::StoreError;

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
        let address = Arc::new(Address::parse(url)?);
        passwords::look();
        Ok(Self {
            place: address.place(),
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
        let mut held = pool.take().await.map_err(self.explain_step())?;
        // Whatever a daemon does, it ticks: nobody else needs a clock for this.
        for pool in self.pools() {
            pool.close_rested();
        }
        if held.is_new {
            Box::pin(schema::check(&mut held, &self.place)).await?;
        }
        Ok(held)
    }

    /// Brings the schema up to date, once.
    pub(super) async fn ready(&self) -> Result<(), StoreError> {
        self.open()?;
        let migrate = async {
            let mut writer = self.writers.take().await.map_err(self.explain_step())?;
            schema::migrate(&mut writer, &self.place).await?;
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

    /// The same for a step that no frame is a part of.
    pub(super) fn explain_step(&self) -> impl Fn(sqlx::Error) -> StoreError + '_ {
        |error| error::explain_step(&self.place, error)
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
