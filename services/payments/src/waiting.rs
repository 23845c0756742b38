//! Where requests wait for a payment to be settled (`?wait=`).
//!
//! A save of this process wakes them at once. Another instance may be the one that settles, so all
//! waiting payments are also read together, 25, 50 and 100 ms after they came and then every 250 ms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use comptoir_domain::id::PaymentId;
use comptoir_domain::payment::PaymentStatus;
use comptoir_domain::port::store::PaymentRepository;
use comptoir_runtime::supervise::TaskResult;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// More requests than this do not wait, but are answered at once.
const MAX_WAITING: usize = 1_000;
const FIRST_READS: [Duration; 3] =
    [Duration::from_millis(25), Duration::from_millis(75), Duration::from_millis(175)];
const READ_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug)]
struct Waited {
    settled: Arc<Notify>,
    waiters: usize,
    since: Instant,
    reads: u32,
}

impl Waited {
    fn next_read(&self) -> Instant {
        let [.., last] = FIRST_READS;
        let reads = self.reads as usize;
        let later = u32::try_from(reads.saturating_sub(FIRST_READS.len() - 1)).unwrap_or(u32::MAX);
        self.since + FIRST_READS.get(reads).copied().unwrap_or(last + READ_EVERY * later)
    }
}

/// The payments that are waited for.
#[derive(Debug, Default)]
pub(crate) struct WaitingRoom {
    waited: Mutex<BTreeMap<PaymentId, Waited>>,
    /// Wakes the reader when somebody comes in.
    entered: Notify,
}

impl WaitingRoom {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PaymentId, Waited>> {
        // Every change is one step, so a panic elsewhere cannot have left it half-done.
        self.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place; `None` if there is none left. Take it before reading the payment, so that a
    /// settlement between the two is not missed.
    pub(crate) fn enter(self: &Arc<Self>, id: PaymentId) -> Option<Place> {
        let mut waited = self.lock();
        if waited.values().map(|waited| waited.waiters).sum::<usize>() >= MAX_WAITING {
            return None;
        }
        let entry = waited.entry(id).or_insert_with(|| Waited {
            settled: Arc::default(),
            waiters: 0,
            since: Instant::now(),
            reads: 0,
        });
        entry.waiters += 1;
        self.entered.notify_one();
        Some(Place { id, settled: Arc::clone(&entry.settled), room: Arc::clone(self) })
    }

    /// Wakes everyone who waits for this payment.
    pub(crate) fn settled(&self, id: PaymentId) {
        if let Some(waited) = self.lock().get(&id) {
            waited.settled.notify_waiters();
        }
    }

    /// The payments to be read now, and when the next ones are due.
    fn due(&self, now: Instant) -> (Vec<PaymentId>, Option<Instant>) {
        let mut waited = self.lock();
        let mut due = Vec::new();
        for (id, waited) in waited.iter_mut() {
            if waited.next_read() <= now {
                // Reads that a slow store has overtaken are not made up for.
                while waited.next_read() <= now {
                    waited.reads += 1;
                }
                due.push(*id);
            }
        }
        (due, waited.values().map(Waited::next_read).min())
    }
}

/// A place in the room, given up when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    id: PaymentId,
    settled: Arc<Notify>,
    room: Arc<WaitingRoom>,
}

impl Place {
    /// Completes when the payment is settled after this call.
    pub(crate) fn settled(&self) -> tokio::sync::futures::Notified<'_> {
        self.settled.notified()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waited = self.room.lock();
        if let Some(entry) = waited.get_mut(&self.id) {
            entry.waiters -= 1;
            if entry.waiters == 0 {
                waited.remove(&self.id);
            }
        }
    }
}

/// Reads what is waited for until the stop.
pub(crate) async fn run<P: PaymentRepository>(
    room: Arc<WaitingRoom>,
    payments: P,
    stop: CancellationToken,
) -> TaskResult {
    loop {
        let (due, next) = room.due(Instant::now());
        if !due.is_empty() {
            match payments.load(&due).await {
                Ok(found) => {
                    let settled = found.into_iter().flatten().map(|found| found.state);
                    let settled = settled.filter(|p| p.status != PaymentStatus::Pending);
                    settled.for_each(|payment| room.settled(payment.id));
                }
                Err(error) => tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "waiting payments cannot be read"
                ),
            }
        }
        let pause = async {
            let due = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = due => {}
                () = room.entered.notified() => {}
            }
        };
        if stop.run_until_cancelled(pause).await.is_none() {
            return Ok(());
        }
    }
}
