//! Failed logins are counted, by name and by address; whoever has too many of them waits.
//!
//! What counts is the answer "wrong" within the last minute, never a login that succeeded. Over the
//! limit nothing is checked, and a password that is right gets the same answer as one that is wrong:
//! otherwise there would be no limit to guessing. A name that nobody has is counted like any other.
//! Logins that were let in at the same time are judged again when they are answered, so that many at
//! once learn no more than one after the other.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use comptoir_domain::time::Timestamp;

/// How long a failure counts.
const WINDOW: Duration = Duration::from_mins(1);
/// Failures within [`WINDOW`] that one name may have, and one address. An IPv6 address counts with
/// all others of its /64, which is what one customer is given.
const PER_NAME: usize = 10;
const PER_ADDRESS: usize = 100;
/// How many names and addresses are remembered; see [`Failures::make_room`].
const NAMES: usize = 16_384;
const ADDRESSES: usize = 4_096;

/// Counts the failed logins of one instance.
pub(crate) struct Throttle {
    /// With a key of this process: nobody outside can choose names that fall together.
    hasher: RandomState,
    counts: Mutex<Counts>,
}

struct Counts {
    names: Failures,
    addresses: Failures,
}

/// Whose login it is: the hashes of a name and of an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    name: u64,
    address: u64,
}

/// Too many failures; the first of them stops counting after that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany(pub(crate) Duration);

impl Throttle {
    pub(crate) fn new() -> Self {
        let counts = Counts {
            names: Failures::new(PER_NAME, NAMES),
            addresses: Failures::new(PER_ADDRESS, ADDRESSES),
        };
        Self { hasher: RandomState::new(), counts: Mutex::new(counts) }
    }

    /// A login with that name, whatever its case, from that address.
    pub(crate) fn attempt(&self, name: &str, address: IpAddr) -> Attempt {
        let name = self.hasher.hash_one(name.to_lowercase());
        Attempt { name, address: self.hasher.hash_one(network(address)) }
    }

    /// Whether the login may be checked, or its success be told.
    pub(crate) fn check(&self, attempt: Attempt, now: Timestamp) -> Result<(), TooMany> {
        self.counts().check(attempt, now)
    }

    /// Counts the failure, and says whether it may be told.
    pub(crate) fn failed(&self, attempt: Attempt, now: Timestamp) -> Result<(), TooMany> {
        let mut counts = self.counts();
        counts.check(attempt, now)?;
        counts.names.add(attempt.name, now);
        counts.addresses.add(attempt.address, now);
        Ok(())
    }

    /// No code panics while it holds the lock, so what it guards is sound.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn check(&self, attempt: Attempt, now: Timestamp) -> Result<(), TooMany> {
        let waits = [self.names.wait(attempt.name, now), self.addresses.wait(attempt.address, now)];
        waits.into_iter().flatten().max().map_or(Ok(()), |wait| Err(TooMany(wait)))
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        f.debug_struct("Throttle")
            .field("names", &counts.names.times.len())
            .field("addresses", &counts.addresses.times.len())
            .finish_non_exhaustive()
    }
}

/// The address as it counts.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

/// When what failed, for as long as it counts: `limit` times at most for each of `capacity` keys.
struct Failures {
    limit: usize,
    capacity: usize,
    times: HashMap<u64, VecDeque<Timestamp>>,
}

impl Failures {
    fn new(limit: usize, capacity: usize) -> Self {
        Self { limit, capacity, times: HashMap::new() }
    }

    /// How long until the key has fewer failures than the limit; `None` if it has now.
    fn wait(&self, key: u64, now: Timestamp) -> Option<Duration> {
        let mut counting = self.times.get(&key)?.iter().filter_map(|time| left(*time, now));
        let first = counting.next()?;
        (counting.count() + 1 >= self.limit).then_some(first)
    }

    fn add(&mut self, key: u64, now: Timestamp) {
        if self.times.len() >= self.capacity && !self.times.contains_key(&key) {
            self.make_room(now);
        }
        let times = self.times.entry(key).or_default();
        times.retain(|time| left(*time, now).is_some());
        times.push_back(now);
    }

    /// Forgets what does not count any more. If all of it does, the key with the fewest failures
    /// goes, and of those the one that failed the longest ago: so that getting rid of a count of ten
    /// takes as many keys as there is room for, with ten failures each. Each failure costs a password
    /// hash, and there are not so many in a minute.
    fn make_room(&mut self, now: Timestamp) {
        self.times.retain(|_, times| times.back().is_some_and(|last| left(*last, now).is_some()));
        if self.times.len() < self.capacity {
            return;
        }
        let fewest =
            self.times.iter().min_by_key(|(_, times)| (times.len(), times.back().copied()));
        if let Some(key) = fewest.map(|(key, _)| *key) {
            self.times.remove(&key);
        }
    }
}

/// How long a failure still counts. One that lies ahead does not: the clock was put back.
fn left(time: Timestamp, now: Timestamp) -> Option<Duration> {
    let age = now.as_millis().checked_sub(time.as_millis())?;
    let age = Duration::from_millis(u64::try_from(age).ok()?);
    WINDOW.checked_sub(age).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests;
