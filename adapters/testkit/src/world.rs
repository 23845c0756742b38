//! Time and identities that a test decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use comptoir_domain::port::world::{Clock, Ids};
use comptoir_domain::time::Timestamp;
use uuid::{Builder, Uuid};

/// A clock that stands still until a test moves it. Clones show the same time.
#[derive(Debug, Clone)]
pub struct FakeClock(Arc<AtomicI64>);

impl FakeClock {
    /// A clock that shows `time`.
    pub fn at(time: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(time.as_millis())))
    }

    /// Puts it to another time, also backwards.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.as_millis(), Ordering::SeqCst);
    }

    /// Lets time pass.
    pub fn advance(&self, span: Duration) {
        self.set(self.now().plus(span));
    }
}

impl Default for FakeClock {
    /// The start of 2026.
    fn default() -> Self {
        Self::at(Timestamp::from_millis(1_767_225_600_000))
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Ids that are the same in every run, each larger than the one before. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct SequentialIds(Arc<AtomicU64>);

impl SequentialIds {
    /// Ids from the first on.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id that a fresh sequence gives as its `n`th, counted from 1.
    pub fn nth(n: u64) -> Uuid {
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&n.to_be_bytes());
        Builder::from_unix_timestamp_millis(1_767_225_600_000, &tail).into_uuid()
    }
}

impl Ids for SequentialIds {
    fn uuid(&self) -> Uuid {
        Self::nth(self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_are_the_same_every_time() {
        let (one, other) = (SequentialIds::new(), SequentialIds::new());
        let ids: Vec<_> = (0..1_000).map(|_| one.uuid()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert_eq!(other.clone().uuid(), ids[0]);
        assert_eq!(other.uuid(), ids[1]);
    }

    #[test]
    fn a_clock_moves_when_told() {
        let clock = FakeClock::default();
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.clone().advance(Duration::from_secs(1));
        assert_eq!(clock.now(), before.plus(Duration::from_secs(1)));
        clock.set(before);
        assert_eq!(clock.now(), before);
    }
}
