//! How many connections there may be, in all and from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::network;

/// The places for connections.
#[derive(Clone)]
pub(crate) struct Places {
    most: usize,
    per_address: usize,
    all: Arc<Semaphore>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection's place; given back when dropped. A WebSocket keeps it beyond its request.
pub(crate) struct Place {
    address: IpAddr,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(most: usize, per_address: usize) -> Self {
        let all = Arc::new(Semaphore::new(most));
        Self { most, per_address, all, taken: Arc::default() }
    }

    /// A place, if there is one left for this address.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Place> {
        let permit = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let address = network(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Place { address, taken: Arc::clone(&self.taken), _permit: permit })
    }

    /// Waits until every place is given back, but not longer than this.
    pub(crate) async fn all_free(&self, wait: Duration) {
        let most = u32::try_from(self.most).unwrap_or(u32::MAX);
        // Those who do not leave in time are cut off by the end of the program.
        let _ = tokio::time::timeout(wait, self.all.acquire_many(most)).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_per_address() {
        let address = |last| IpAddr::V4([10, 0, 0, last].into());
        let places = Places::new(3, 2);
        let first = places.take(address(1)).unwrap();
        let _second = places.take(address(1)).unwrap();
        assert!(places.take(address(1)).is_none(), "two are this address's share");
        let _third = places.take(address(2)).unwrap();
        assert!(places.take(address(3)).is_none(), "three are all");
        drop(first);
        assert!(places.take(address(3)).is_some());
        assert_eq!(places.taken.lock().unwrap().len(), 2, "an address without any is forgotten");
    }
}
