//! A door that lets few through at once and few more wait: what is heavy must not pile up.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{AppError, AppResult};

/// Lets a few kinds of work run at once.
pub(crate) struct Gate {
    at_once: Semaphore,
    queue: Semaphore,
    full: &'static str,
}

/// The right to work; given back when dropped.
pub(crate) struct Pass<'a> {
    _turn: SemaphorePermit<'a>,
    _place: SemaphorePermit<'a>,
}

impl Gate {
    /// `full` is what those are told for whom there is no room to wait.
    pub(crate) fn new(at_once: usize, waiting: usize, full: &'static str) -> Self {
        Self { at_once: Semaphore::new(at_once), queue: Semaphore::new(at_once + waiting), full }
    }

    /// Waits for one's turn.
    ///
    /// # Errors
    /// [`AppError::unavailable`] at once if too many wait already.
    pub(crate) async fn enter(&self) -> AppResult<Pass<'_>> {
        let place = self.queue.try_acquire().map_err(|_| AppError::unavailable(self.full))?;
        let turn = self.at_once.acquire().await.map_err(|error| AppError::broken(&error))?;
        Ok(Pass { _turn: turn, _place: place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_the_queue_full_is_sent_away() {
        let gate = Gate::new(1, 1, "too many");
        let first = gate.enter().await.unwrap();
        let mut second = Box::pin(gate.enter());
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, &mut second).await;
        assert!(waiting.is_err());
        assert!(gate.enter().await.is_err());
        drop(first);
        assert!(second.await.is_ok());
    }
}
