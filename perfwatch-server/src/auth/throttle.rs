//! How often somebody may try to log in.
//!
//! Each account and each address has a bucket of attempts that refills with time. The buckets are
//! a fixed number, chosen by a keyed hash, so that no flood of names or addresses costs memory;
//! two names that share one are throttled together.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const BUCKETS: usize = 4096;

/// How many attempts in a row are free, and how long one takes to come back.
#[derive(Clone, Copy)]
struct Rate {
    burst: u32,
    refill: Duration,
}

/// An account takes a person's typing errors and no more.
const PER_ACCOUNT: Rate = Rate { burst: 5, refill: Duration::from_secs(12) };

/// An address may be a whole office behind one router.
const PER_ADDRESS: Rate = Rate { burst: 20, refill: Duration::from_secs(3) };

/// Counts the attempts.
pub(crate) struct Throttle {
    hasher: RandomState,
    accounts: Buckets,
    addresses: Buckets,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            accounts: Buckets::new(PER_ACCOUNT),
            addresses: Buckets::new(PER_ADDRESS),
        }
    }
}

impl Throttle {
    /// Takes one attempt.
    ///
    /// # Errors
    /// How long to wait if there is none left.
    pub(crate) fn attempt(
        &self,
        account: &str,
        address: IpAddr,
        now: Instant,
    ) -> Result<(), Duration> {
        self.addresses.take(self.slot(network(address)), now)?;
        self.accounts.take(self.slot(account), now)
    }

    /// The password was right: the account has all its attempts again, and the address this one.
    pub(crate) fn succeeded(&self, account: &str, address: IpAddr) {
        self.accounts.refill(self.slot(account), PER_ACCOUNT.burst);
        self.addresses.refill(self.slot(network(address)), 1);
    }

    fn slot(&self, key: impl Hash) -> usize {
        self.hasher.hash_one(key) as usize % BUCKETS
    }
}

/// What one person commands: an IPv4 address, or the lower half of an IPv6 one.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

/// For each bucket the time at which it is full again.
struct Buckets {
    rate: Rate,
    full_at: Mutex<Box<[Option<Instant>]>>,
}

impl Buckets {
    fn new(rate: Rate) -> Self {
        Self { rate, full_at: Mutex::new(vec![None; BUCKETS].into()) }
    }

    fn take(&self, slot: usize, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = buckets.get_mut(slot) else { return Ok(()) };
        let full_at = bucket.map_or(now, |at| at.max(now)) + self.rate.refill;
        let missing = full_at.saturating_duration_since(now);
        let most = self.rate.refill * self.rate.burst;
        if missing > most {
            return Err(missing - most);
        }
        *bucket = Some(full_at);
        Ok(())
    }

    fn refill(&self, slot: usize, attempts: u32) {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(slot) {
            *bucket = bucket.and_then(|at| at.checked_sub(self.rate.refill * attempts));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn an_account_has_five_attempts_and_gets_one_back_every_12_seconds() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..5 {
            assert_eq!(throttle.attempt("admin", HERE, start), Ok(()));
        }
        let second = Duration::from_secs(1);
        assert_eq!(throttle.attempt("admin", HERE, start), Err(12 * second));
        assert_eq!(throttle.attempt("admin", HERE, start + 2 * second), Err(10 * second));
        assert_eq!(throttle.attempt("admin", HERE, start + 12 * second), Ok(()));
        assert!(throttle.attempt("admin", HERE, start + 12 * second).is_err());
        throttle.succeeded("admin", HERE);
        assert_eq!(throttle.attempt("admin", HERE, start + 12 * second), Ok(()));
    }

    #[test]
    fn an_address_has_twenty_whatever_the_names() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let attempt = |n: u32| throttle.attempt(&format!("name {n}"), HERE, start);
        assert!((0..20).all(|n| attempt(n).is_ok()));
        assert!(attempt(20).is_err());
        let there = IpAddr::V4([10, 0, 0, 1].into());
        assert_eq!(throttle.attempt("name 21", there, start), Ok(()));
    }

    #[test]
    fn a_right_password_costs_an_address_nothing() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..100 {
            assert_eq!(throttle.attempt("admin", HERE, start), Ok(()));
            throttle.succeeded("admin", HERE);
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
    }
}
