//! Applies the archive policy: hourly, and when asked. One run at a time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use perfwatch_store::{Accounts, RetentionReport, Store, StoreError};
use tokio::{
    sync::Mutex,
    time::{MissedTickBehavior, interval},
};

use crate::time::now_ms;

const EVERY: Duration = Duration::from_secs(3600);

/// Runs retention.
pub(crate) struct Cleanup {
    store: Arc<dyn Store>,
    accounts: Arc<dyn Accounts>,
    running: Mutex<()>,
}

/// What a run did.
pub(crate) struct Done {
    pub(crate) report: RetentionReport,
    pub(crate) took: Duration,
}

impl Cleanup {
    pub(crate) fn new(store: Arc<dyn Store>, accounts: Arc<dyn Accounts>) -> Self {
        Self { store, accounts, running: Mutex::default() }
    }

    /// Applies the policy; nothing if a run is under way already.
    pub(crate) async fn run(&self) -> Option<Result<Done, StoreError>> {
        let _running = self.running.try_lock().ok()?;
        Some(self.apply().await)
    }

    async fn apply(&self) -> Result<Done, StoreError> {
        let start = Instant::now();
        let now = now_ms();
        self.accounts.purge_revoked_sessions(now).await?;
        let policy = self.accounts.retention_policy().await?;
        let report = self.store.apply_retention(&policy, now).await?;
        Ok(Done { report, took: start.elapsed() })
    }

    /// Applies the policy now and every hour, for ever.
    pub(crate) async fn hourly(&self) {
        let mut hours = interval(EVERY);
        hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            hours.tick().await;
            match self.run().await {
                Some(Ok(done)) => tracing::debug!(report = ?done.report, "retention applied"),
                // That is so every hour, and as it should be.
                Some(Err(StoreError::RetentionElsewhere)) => {}
                Some(Err(error)) => tracing::warn!(%error, "retention could not be applied"),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_run_at_once_is_none() {
        let opened = perfwatch_store::open("memory:").await.unwrap();
        let cleanup = Cleanup::new(opened.store, opened.accounts);
        let running = cleanup.running.lock().await;
        assert!(cleanup.run().await.is_none());
        drop(running);
        assert!(cleanup.run().await.unwrap().is_ok());
    }
}
