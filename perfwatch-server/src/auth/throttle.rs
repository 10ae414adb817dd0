//! How often somebody may try to log in.
//!
//! An attempt is counted by its network, by its account, and by both together. The last is the
//! narrow one: whoever guesses keeps nobody out but those who share a network with the guesser.
//! Each has a bucket of attempts that refills with time. The buckets are a fixed number, chosen by
//! a keyed hash, so that no flood of names or addresses costs memory; two that share one are
//! throttled together.

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

/// An account takes a person's typing errors from one network and no more: 7,205 guesses in a day.
/// A session that changes its password has as many.
const PER_PAIR: Rate = Rate { burst: 5, refill: Duration::from_secs(12) };

/// A network may be a whole office behind one router: 28,820 guesses in a day, at all accounts.
const PER_NETWORK: Rate = Rate { burst: 20, refill: Duration::from_secs(3) };

/// From everywhere together an account takes 43,700 guesses in a day. That is 16 million in a year:
/// of the passwords of twelve random small letters, one in six thousand million. To use it up takes
/// more than six networks that guess as fast as they may, and keeps out only who comes from a
/// network that this account never logged in from.
const PER_ACCOUNT: Rate = Rate { burst: 500, refill: Duration::from_secs(2) };

/// Counts the attempts.
pub(crate) struct Throttle {
    hasher: RandomState,
    pairs: Buckets,
    networks: Buckets,
    accounts: Buckets,
    sessions: Buckets,
    /// The hashes of pairs of which the password was right, each in its slot.
    known: Mutex<Box<[u64]>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            pairs: Buckets::new(PER_PAIR),
            networks: Buckets::new(PER_NETWORK),
            accounts: Buckets::new(PER_ACCOUNT),
            sessions: Buckets::new(PER_PAIR),
            known: Mutex::new(vec![0; BUCKETS].into()),
        }
    }
}

impl Throttle {
    /// Takes one attempt to log in.
    ///
    /// # Errors
    /// How long to wait if there is none left.
    pub(crate) fn attempt(
        &self,
        account: &str,
        address: IpAddr,
        now: Instant,
    ) -> Result<(), Duration> {
        let network = network(address);
        self.networks.take(self.hash(network), now)?;
        let pair = self.hash((account, network));
        self.pairs.take(pair, now)?;
        let from_everywhere = self.accounts.take(self.hash(account), now);
        if self.is_known(pair) { Ok(()) } else { from_everywhere }
    }

    /// Takes one attempt of a session to prove that it knows its password. Logins that fail
    /// elsewhere take none of these.
    ///
    /// # Errors
    /// How long to wait if there is none left.
    pub(crate) fn attempt_within(&self, session: &str, now: Instant) -> Result<(), Duration> {
        self.sessions.take(self.hash(session), now)
    }

    /// The password was right: the account has all its attempts from this network again, and else
    /// this one cost nothing.
    pub(crate) fn succeeded(&self, account: &str, address: IpAddr) {
        let network = network(address);
        let pair = self.hash((account, network));
        self.pairs.refill(pair, PER_PAIR.burst);
        self.networks.refill(self.hash(network), 1);
        self.accounts.refill(self.hash(account), 1);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = known.get_mut(slot(pair)) {
            *slot = pair;
        }
    }

    fn is_known(&self, pair: u64) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(slot(pair)) == Some(&pair)
    }

    fn hash(&self, key: impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }
}

fn slot(hash: u64) -> usize {
    hash as usize % BUCKETS
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

    fn take(&self, hash: u64, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = buckets.get_mut(slot(hash)) else { return Ok(()) };
        let full_at = bucket.map_or(now, |at| at.max(now)) + self.rate.refill;
        let missing = full_at.saturating_duration_since(now);
        let most = self.rate.refill * self.rate.burst;
        if missing > most {
            return Err(missing - most);
        }
        *bucket = Some(full_at);
        Ok(())
    }

    fn refill(&self, hash: u64, attempts: u32) {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(slot(hash)) {
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

    fn there(n: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n))
    }

    #[test]
    fn who_guesses_in_one_network_keeps_nobody_out_of_another() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for n in 0..100 {
            assert_eq!(throttle.attempt("admin", HERE, start).is_ok(), n < 5);
        }
        assert_eq!(throttle.attempt("admin", there(1), start), Ok(()));
    }

    #[test]
    fn all_networks_together_have_500_and_a_known_one_goes_on() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let attempt = |n, now| throttle.attempt("admin", there(n), now);
        assert_eq!(attempt(0, start), Ok(()));
        throttle.succeeded("admin", there(0));
        assert_eq!((1..600).filter(|&n| attempt(n, start).is_ok()).count(), 500);
        assert_eq!(attempt(2001, start), Err(Duration::from_secs(2)));
        assert_eq!(attempt(0, start), Ok(()), "here somebody knew the password");
        assert_eq!(throttle.attempt("other", there(2001), start), Ok(()));
        let day = Duration::from_secs(86_400);
        let later = (0..).map_while(|n| attempt(10_000 + n, start + day).ok()).count();
        assert_eq!(later, 500);
    }

    #[test]
    fn a_session_has_attempts_of_its_own() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let within = |session| throttle.attempt_within(session, start);
        assert!((0..5).all(|_| within("stolen").is_ok()));
        assert_eq!(within("stolen"), Err(Duration::from_secs(12)));
        assert_eq!(within("own"), Ok(()));
    }

    #[test]
    fn an_address_has_twenty_whatever_the_names() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let attempt = |n: u32| throttle.attempt(&format!("name {n}"), HERE, start);
        assert!((0..20).all(|n| attempt(n).is_ok()));
        assert!(attempt(20).is_err());
        assert_eq!(throttle.attempt("name 21", there(1), start), Ok(()));
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
