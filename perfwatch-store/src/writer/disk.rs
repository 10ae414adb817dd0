//! The spool, where nobody waits for its disk but the writing task.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Record, Spool, StoreError};

/// A spool that is used on threads that may block.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<Spool>>);

impl Disk {
    pub(super) fn new(spool: Spool) -> Self {
        Self(Arc::new(Mutex::new(spool)))
    }

    /// Does something with the spool; also how many bytes it has then.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Spool) -> T + Send + 'static,
    ) -> Result<(T, u64), StoreError> {
        let spool = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            let mut spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
            let result = work(&mut spool);
            (result, spool.bytes())
        });
        done.await.map_err(|error| StoreError::unavailable(error.to_string()))
    }

    /// Takes a record away that is refused, and keeps it beside the spool.
    pub(super) async fn set_aside(
        &self,
        record: Record,
        reason: String,
        is_spooled: bool,
    ) -> Result<u64, StoreError> {
        let work = move |spool: &mut Spool| {
            spool.set_aside(&record, &reason);
            if is_spooled {
                spool.advance(1);
            }
        };
        Ok(self.with(work).await?.1)
    }
}
