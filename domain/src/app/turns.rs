//! Turns: in one process, those who would decide on the same thing at the same moment queue for it
//! rather than meet at its version, where all but one of them would have to start again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex as Brief, MutexGuard, PoisonError};

use futures::lock::{Mutex, OwnedMutexGuard};

/// Who has, or waits for, a turn. Other processes have turns of their own: the version stays the
/// guard.
#[derive(Debug)]
pub(super) struct Turns<K> {
    queues: Brief<HashMap<K, Arc<Mutex<()>>>>,
}

/// One's turn. The next one's begins when it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a, K: Eq + Hash> {
    of: &'a Turns<K>,
    key: &'a K,
    /// Given back before the queue is looked at.
    held: Option<OwnedMutexGuard<()>>,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self { queues: Brief::default() }
    }
}

impl<K: Eq + Hash + Clone + Send + Sync> Turns<K> {
    /// Waits for one's turn. Dropping the future leaves the queue.
    pub(super) async fn wait<'a>(&'a self, key: &'a K) -> Turn<'a, K> {
        // Made first, so that a queue that nobody waits in any more is always seen to.
        let mut turn = Turn { of: self, key, held: None };
        let queue = Arc::clone(self.queues().entry(key.clone()).or_default());
        turn.held = Some(queue.lock_owned().await);
        turn
    }
}

impl<K> Turns<K> {
    fn queues(&self) -> MutexGuard<'_, HashMap<K, Arc<Mutex<()>>>> {
        // Nothing in here panics half-way through a change.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        self.held = None;
        let mut queues = self.of.queues();
        // Whoever is in it has a share of it.
        if queues.get(self.key).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn one_at_a_time_for_each_key() {
        let turns = Turns::default();
        let first = poll(pin!(turns.wait(&"a")));
        assert!(first.is_ready());
        let mut second = pin!(turns.wait(&"a"));
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(pin!(turns.wait(&"b"))).is_ready(), "another queue");
        drop(first);
        assert!(poll(second).is_ready());
    }

    #[test]
    fn a_queue_without_anybody_is_gone() {
        let turns = Turns::default();
        let first = poll(pin!(turns.wait(&"a")));
        {
            let mut given_up = pin!(turns.wait(&"a"));
            assert!(poll(given_up.as_mut()).is_pending());
        }
        assert_eq!(turns.queues().len(), 1);
        drop(first);
        assert!(turns.queues().is_empty());
    }
}
