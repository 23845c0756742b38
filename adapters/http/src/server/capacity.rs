//! How many connections there may be, and who leaves when one more comes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Room for connections, HTTP and WebSockets alike, over all listeners that share it.
///
/// Each listener keeps one place free for whoever comes next. When none is free, the connection that
/// has waited for its client the longest (for a request, for the rest of one, or for an answer to be
/// taken), and for a quarter of a second at least, is closed. So whoever only holds connections open
/// keeps nobody out. While there is none such, newcomers wait in the kernel's queue.
#[derive(Clone)]
pub struct Capacity(Arc<Shared>);

/// How long a connection may wait for its client before it must make room for others.
const GRACE: Duration = Duration::from_millis(250);

struct Shared {
    limit: usize,
    slots: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// Told when a connection begins to wait for its client.
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    /// Counts how often a connection began to wait; the smaller the number, the longer ago.
    begun: u64,
    connections: BTreeMap<u64, Wait>,
}

/// One connection's wait.
struct Wait {
    since: Instant,
    leave: Arc<CancellationToken>,
}

/// Who could make room.
enum Oldest {
    Nobody,
    /// Somebody was asked, or can be, but another one not before then.
    Later(Instant),
}

impl Capacity {
    /// Room for so many connections.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Shared {
            limit,
            slots: Arc::new(Semaphore::new(limit)),
            waiting: Mutex::default(),
            more: Notify::new(),
        }))
    }

    /// How many connections there may be.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// How many places are taken: by connections, and by listeners for whoever comes next.
    pub fn taken(&self) -> usize {
        self.0.limit.saturating_sub(self.0.slots.available_permits())
    }

    /// A place for one connection; made free if none is.
    pub(super) async fn place(&self) -> Place {
        loop {
            let more = self.0.more.notified();
            if let Ok(slot) = Arc::clone(&self.0.slots).try_acquire_owned() {
                return Place { _slot: slot };
            }
            let slot = Arc::clone(&self.0.slots).acquire_owned();
            let slot = match self.0.ask_oldest() {
                Oldest::Later(at) => match timeout_at(at, slot).await {
                    Ok(slot) => slot,
                    Err(_) => continue,
                },
                Oldest::Nobody => tokio::select! {
                    biased;
                    slot = slot => slot,
                    () = more => continue,
                },
            };
            return Place { _slot: slot.expect("nobody closes the semaphore") };
        }
    }

    /// What one connection tells about itself; it begins with a wait.
    pub(super) fn standing(&self) -> Standing {
        let standing = Standing {
            shared: Arc::clone(&self.0),
            leave: Arc::default(),
            wait: Mutex::new((0, Instant::now())),
        };
        standing.waits_anew();
        standing
    }
}

impl Shared {
    /// No code panics while it holds the lock, so what it guards is sound.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks whoever has waited the longest to leave, if that is long enough.
    fn ask_oldest(&self) -> Oldest {
        let mut waiting = self.waiting();
        let Some(oldest) = waiting.connections.first_entry() else {
            return Oldest::Nobody;
        };
        let (at, now) = (oldest.get().since + GRACE, Instant::now());
        if at > now {
            return Oldest::Later(at);
        }
        oldest.remove().leave.cancel();
        // Its place may go to another listener, or the connection may be slow to end.
        Oldest::Later(now + GRACE)
    }
}

impl fmt::Debug for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capacity")
            .field("limit", &self.limit())
            .field("taken", &self.taken())
            .finish_non_exhaustive()
    }
}

/// The place of one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    _slot: OwnedSemaphorePermit,
}

/// Whether a connection waits for its client, and since when.
pub(super) struct Standing {
    shared: Arc<Shared>,
    leave: Arc<CancellationToken>,
    /// The number of the wait that is or comes next, and when it began or will have.
    wait: Mutex<(u64, Instant)>,
}

impl Standing {
    /// The connection waits for its client, for the first time or after an answer.
    pub(super) fn waits_anew(&self) {
        self.begins();
        self.waits_on();
    }

    /// A request has begun, or a wait is about to; by itself it is we who work.
    pub(super) fn begins(&self) {
        let mut waiting = self.shared.waiting();
        let mut wait = self.wait();
        waiting.connections.remove(&wait.0);
        waiting.begun += 1;
        *wait = (waiting.begun, Instant::now());
    }

    /// It waits for more of what has begun, and for as long as since then: a body that comes byte by
    /// byte makes no connection younger.
    pub(super) fn waits_on(&self) {
        let mut waiting = self.shared.waiting();
        // Whoever was asked to leave is about to, and cannot make room twice.
        if !self.leave.is_cancelled() {
            let (number, since) = *self.wait();
            waiting.connections.insert(number, Wait { since, leave: Arc::clone(&self.leave) });
        }
        drop(waiting);
        self.shared.more.notify_waiters();
    }

    /// It is we who work again.
    pub(super) fn works(&self) {
        let mut waiting = self.shared.waiting();
        waiting.connections.remove(&self.wait().0);
    }

    /// Cancelled when the connection must make room.
    pub(super) fn leave(&self) -> Arc<CancellationToken> {
        Arc::clone(&self.leave)
    }

    fn wait(&self) -> MutexGuard<'_, (u64, Instant)> {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.works();
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn who_was_asked_and_stays_is_passed_over() {
        let capacity = Capacity::new(2);
        let (_first_place, second_place) = (capacity.place().await, capacity.place().await);
        let (first, second) = (capacity.standing(), capacity.standing());
        let leaves = async {
            first.leave().cancelled().await;
            // By what it does meanwhile it does not become one that could be asked again.
            first.waits_anew();
            second.leave().cancelled().await;
            drop(second_place);
        };
        let both = join(capacity.place(), leaves);
        timeout(Duration::from_secs(10), both).await.expect("the second one made room");
    }
}
