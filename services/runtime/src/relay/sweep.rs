//! Looks for leftovers, page by page. An outbox that cannot be relayed stays where it is, at the
//! head of every page: it makes the next one longer by one, so it hides nothing and the sweep ends.

use std::collections::HashSet;
use std::time::Duration;

use comptoir_domain::outbox::OutboxOwner;
use comptoir_domain::port::bus::Publisher;
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::port::store::Outbox;
use comptoir_domain::time::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{ROUND, Relay, RelayError};

/// Leftovers are taken up at this age; younger ones are on their way already.
const LEFTOVER_AGE: Duration = Duration::from_secs(5);
/// Between sweeps: [`SHARE`] times what the last one took, within these bounds; the shortest after
/// one that failed, which says nothing about how much there is.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const SHARE: u32 = 50;
/// With more outboxes than this that cannot be relayed, a sweep ends: it reads them all for each page.
const MOST_STUCK: usize = 10 * ROUND;

/// When to look for leftovers, and how old they are then.
#[derive(Debug)]
pub(super) struct Sweep {
    pub(super) at: Instant,
    before: Timestamp,
}

impl Sweep {
    /// The first one takes whatever is there: it was left by a run before this one.
    pub(super) fn first(now: Timestamp) -> Self {
        Self { at: Instant::now(), before: now }
    }

    fn after(pause: Duration, now: Timestamp) -> Self {
        Self { at: Instant::now() + pause, before: now.plus(pause).minus(LEFTOVER_AGE) }
    }
}

/// Where a sweep is.
#[derive(Debug, Default)]
struct Pages {
    last: HashSet<OutboxOwner>,
    /// Found again although they had their turn.
    stuck: HashSet<OutboxOwner>,
}

impl Pages {
    fn limit(&self) -> usize {
        ROUND + self.stuck.len()
    }

    /// Those of a page that had no turn yet, and whether there may be another page.
    fn turn(&mut self, found: Vec<OutboxOwner>) -> (Vec<OutboxOwner>, bool) {
        let is_full = found.len() >= self.limit();
        let (stuck, fresh): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|owner| self.last.contains(owner) || self.stuck.contains(owner));
        let before = self.stuck.len();
        self.stuck.extend(stuck);
        let goes_on = !fresh.is_empty() || self.stuck.len() > before;
        self.last = fresh.iter().cloned().collect();
        (fresh, is_full && goes_on && self.stuck.len() <= MOST_STUCK)
    }
}

impl<O: Outbox, P: Publisher, C: EventCodec> Relay<O, P, C> {
    /// One sweep; then says when the next one is due.
    pub(super) async fn sweep(
        &self,
        sweep: &mut Sweep,
        flush: &CancellationToken,
    ) -> Result<(), RelayError> {
        let began = Instant::now();
        let result = self.pages(sweep.before, flush).await;
        let pause = match &result {
            Ok(()) => (began.elapsed() * SHARE).clamp(PAUSE, LONGEST_PAUSE),
            Err(_) => PAUSE,
        };
        *sweep = Sweep::after(pause, self.context.clock.now());
        result
    }

    async fn pages(&self, before: Timestamp, flush: &CancellationToken) -> Result<(), RelayError> {
        let mut pages = Pages::default();
        loop {
            let found = self.outbox.leftovers(before, pages.limit()).await?;
            self.dependencies.store_is_up();
            let (owners, more) = pages.turn(found);
            self.rounds(&owners, flush).await?;
            if !more || flush.is_cancelled() {
                return Ok(());
            }
        }
    }
}
