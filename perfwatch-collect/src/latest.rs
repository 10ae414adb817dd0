//! A slow source on a thread of its own, which leaves its latest value in a slot.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

struct Slot<T> {
    value: Option<(Instant, T)>,
    stopped: bool,
}

struct Shared<T> {
    /// A value older than this is not shown as current any more: its thread hangs.
    stale_after: Duration,
    slot: Mutex<Slot<T>>,
    changed: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        // The lock is held to move a value in or to look at it: both leave it whole.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The latest value of something that may block or is too dear for every tick.
///
/// The thread ends soon after this is dropped; it is not waited for, because what it reads may
/// never answer.
pub struct Latest<T>(Arc<Shared<T>>);

impl<T: Send + 'static> Latest<T> {
    /// Starts a thread that calls `produce` at once and then at every `interval`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn spawn(
        name: &str,
        interval: Duration,
        mut produce: impl FnMut() -> T + Send + 'static,
    ) -> io::Result<Self> {
        let slot = Mutex::new(Slot { value: None, stopped: false });
        let shared = Arc::new(Shared {
            stale_after: 3 * interval + Duration::from_secs(5),
            slot,
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                let value = produce();
                let mut slot = theirs.lock();
                slot.value = Some((Instant::now(), value));
                theirs.changed.notify_all();
                let deadline = Instant::now() + interval;
                while !slot.stopped {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    let waited = theirs.changed.wait_timeout(slot, left);
                    slot = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                if slot.stopped {
                    return;
                }
            }
        })?;
        Ok(Self(shared))
    }
}

impl<T> Latest<T> {
    /// Looks at the latest value; nothing before the first, or where none came for long.
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        let slot = self.0.lock();
        let (made, value) = slot.value.as_ref()?;
        (made.elapsed() < self.0.stale_after).then(|| look(value))
    }

    /// Whether there was a value yet.
    pub fn is_there(&self) -> bool {
        self.0.lock().value.is_some()
    }
}

impl<T> Drop for Latest<T> {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.changed.notify_all();
    }
}
