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
#[derive(Clone)]
struct Wait {
    since: Instant,
    leave: CancellationToken,
}

/// Who could make room.
enum Oldest {
    Nobody,
    /// Not before then.
    Later(Instant),
    Asked,
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
                Oldest::Asked => slot.await,
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
        let wait = Wait { since: Instant::now(), leave: CancellationToken::new() };
        let standing = Standing { shared: Arc::clone(&self.0), wait: Mutex::new((0, wait)) };
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
        let at = oldest.get().since + GRACE;
        if at > Instant::now() {
            return Oldest::Later(at);
        }
        oldest.remove().leave.cancel();
        Oldest::Asked
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
    /// The wait that is or comes next, and its number.
    wait: Mutex<(u64, Wait)>,
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
        *wait = (waiting.begun, Wait { since: Instant::now(), leave: wait.1.leave.clone() });
    }

    /// It waits for more of what has begun, and for as long as since then: a body that comes byte by
    /// byte makes no connection younger.
    pub(super) fn waits_on(&self) {
        let (number, wait) = self.wait().clone();
        self.shared.waiting().connections.insert(number, wait);
        self.shared.more.notify_waiters();
    }

    /// It is we who work again.
    pub(super) fn works(&self) {
        let mut waiting = self.shared.waiting();
        waiting.connections.remove(&self.wait().0);
    }

    /// Cancelled when the connection must make room.
    pub(super) fn leave(&self) -> CancellationToken {
        self.wait().1.leave.clone()
    }

    fn wait(&self) -> MutexGuard<'_, (u64, Wait)> {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.works();
    }
}
