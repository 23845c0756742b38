//! The outbox relay: publishes what saves have left in outboxes, in each aggregate's order.
//!
//! One task per repository. Every save of this process nudges it; what was left behind (by a crash, a
//! full queue, a broker that was away) is found by a sweep. A round takes the whole unpublished
//! prefix of its aggregates, so first occurrences are in order whoever relays, and a crash between
//! publishing and clearing makes only repeats.

mod sweep;

use std::iter::repeat_n;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::outbox::{OutboxOwner, Pending, Published};
use comptoir_domain::port::bus::{BusError, Publisher};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::port::store::{Outbox, StoreError};
use comptoir_domain::record::Outgoing;
use comptoir_domain::topic::Topic;
use thiserror::Error;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::sweep::Sweep;
use crate::backoff::Backoff;
use crate::context::Context;
use crate::dependencies::{Dependencies, LogWatch};
use crate::stop_times::LAST_WORK;
use crate::supervise::TaskResult;

/// Aggregates in one round, at most.
const ROUND: usize = 500;
/// How long the last nudges may take to come once no more are made.
const LAST_NUDGES: Duration = Duration::from_millis(20);

/// What keeps events in the outbox.
#[derive(Debug, Error)]
enum RelayError {
    #[error("the outbox cannot be read or cleared")]
    Store(#[from] StoreError),
    #[error("the events cannot be published")]
    Bus(#[from] BusError),
}

impl RelayError {
    /// Whether it lies in what one owner has left, which need not keep others waiting.
    const fn is_of_one_owner(&self) -> bool {
        use BusError::{Corrupt, Refused, TooLarge};
        matches!(
            self,
            Self::Store(StoreError::Corrupt(_))
                | Self::Bus(TooLarge { .. } | Refused(_) | Corrupt(_))
        )
    }
}

/// Relays the outboxes of one repository.
#[derive(Debug)]
pub struct Relay<O, P, C> {
    outbox: O,
    publisher: P,
    notifications: Topic,
    dependencies: Dependencies,
    log: LogWatch,
    context: Context,
    codec: PhantomData<C>,
}

impl<O: Outbox, P: Publisher, C: EventCodec> Relay<O, P, C> {
    /// A relay from an outbox to a log.
    pub fn new(outbox: O, publisher: P, dependencies: Dependencies, context: Context) -> Self {
        dependencies.store_is_away();
        let notifications = context.topics.notifications.clone();
        Self {
            outbox,
            publisher,
            notifications,
            log: dependencies.watch_log(),
            dependencies,
            context,
            codec: PhantomData,
        }
    }

    /// Runs until `flush` is cancelled, then publishes once more what is waiting. Whatever fails is
    /// tried again; nothing that fails ends the relay.
    pub async fn run(self, flush: CancellationToken) -> TaskResult {
        let mut backoff = Backoff::new(Arc::clone(&self.context.ids));
        let mut sweep = Sweep::first(self.context.clock.now());
        let (mut unfinished, mut fails, mut is_swept) = (Vec::new(), false, true);
        loop {
            let owners = tokio::select! {
                biased;
                () = flush.cancelled() => break,
                () = sleep_until(sweep.at) => None,
                owners = self.owners(&mut unfinished) => Some(owners),
            };
            let work = async {
                match &owners {
                    None => self.sweep(&mut sweep, &flush).await,
                    Some(owners) => self.rounds(owners, &flush).await,
                }
            };
            let out_of_time = async {
                flush.cancelled().await;
                tokio::time::sleep(LAST_WORK).await;
            };
            let done = tokio::select! {
                biased;
                done = work => done,
                () = out_of_time => break,
            };
            if owners.is_none() {
                is_swept = done.is_ok();
            }
            match done {
                Ok(()) => {
                    backoff.reset();
                    // Whatever was in the way before is gone: nothing is left to publish.
                    if unfinished.is_empty() && is_swept {
                        self.well(&mut fails);
                    }
                }
                Err(error) => {
                    self.failed(&error, &mut fails);
                    // A sweep has a pause of its own. To wait here as well would make the next one due
                    // before anybody who was nudged has a turn.
                    if let Some(owners) = owners {
                        unfinished.extend(owners);
                        backoff.wait(&flush).await;
                    }
                }
            }
        }
        // Out of time or not: nothing is lost.
        let _ = timeout(LAST_WORK, self.flush()).await;
        Ok(())
    }

    /// Whose events to publish next. Those that failed come before newer ones, so that an outage
    /// changes no order that it need not.
    async fn owners(&self, unfinished: &mut Vec<OutboxOwner>) -> Vec<OutboxOwner> {
        if unfinished.is_empty() { self.outbox.nudged().await } else { std::mem::take(unfinished) }
    }

    /// The last rounds: what was nudged and not published yet. What fails now is in the outbox, where
    /// the next start finds it.
    async fn flush(&self) {
        while let Ok(owners) = timeout(LAST_NUDGES, self.outbox.nudged()).await {
            if let Err(error) = self.rounds(&owners, &CancellationToken::new()).await {
                log(&error);
                break;
            }
        }
        if let Err(error) = self.outbox.flush().await {
            log(&error.into());
        }
    }

    /// Everything is published.
    fn well(&self, fails: &mut bool) {
        self.log.is_up();
        if std::mem::take(fails) {
            tracing::warn!("events are published again");
        }
    }

    /// Tells readiness what the error says of store and log. It is logged once for each time that it
    /// begins.
    fn failed(&self, error: &RelayError, fails: &mut bool) {
        match error {
            // What one owner has and nobody can read stands in nobody's way, so it is none of these. A
            // store that cannot tell what was left is as good as away: events would wait for ever.
            RelayError::Store(StoreError::Unavailable(_) | StoreError::Corrupt(_)) => {
                self.dependencies.store_is_away();
            }
            // It answers, if oddly.
            RelayError::Store(StoreError::Conflict | StoreError::Duplicate { .. }) => {
                self.dependencies.store_is_up();
            }
            RelayError::Bus(_) => self.log.is_away(),
        }
        if !std::mem::replace(fails, true) {
            log(error);
        }
    }

    /// Publishes what these owners have left; stops between two rounds when it is time to flush.
    async fn rounds(
        &self,
        owners: &[OutboxOwner],
        flush: &CancellationToken,
    ) -> Result<(), RelayError> {
        for some in owners.chunks(ROUND) {
            if flush.is_cancelled() {
                break;
            }
            match self.round(some).await {
                Err(error) if error.is_of_one_owner() => self.one_by_one(some).await?,
                done => done?,
            }
        }
        Ok(())
    }

    async fn round(&self, owners: &[OutboxOwner]) -> Result<(), RelayError> {
        let pending = self.outbox.pending(owners).await?;
        if !pending.is_empty() {
            self.publish(&pending).await?;
            self.outbox.clear(&through(&pending)).await?;
        }
        Ok(())
    }

    /// One of these outboxes cannot be relayed; it must not hold up the others.
    async fn one_by_one(&self, owners: &[OutboxOwner]) -> Result<(), RelayError> {
        for owner in owners {
            match self.round(std::slice::from_ref(owner)).await {
                Err(error) if error.is_of_one_owner() => tracing::error!(
                    owner = owner.0,
                    error = &error as &dyn std::error::Error,
                    "an outbox cannot be relayed; its events stay in it"
                ),
                done => done?,
            }
        }
        Ok(())
    }

    /// Publishes to `notifications` first and waits for it, then to the others: so the line of an
    /// event stands before the lines of what follows from it.
    async fn publish(&self, pending: &[Pending]) -> Result<(), RelayError> {
        let (mut first, mut then) = (Vec::new(), Vec::new());
        for (_, entry) in pending.iter().flat_map(|pending| &pending.entries) {
            let envelope = &entry.envelope;
            let record = C::encode(envelope, envelope.subject.as_deref().map(str::as_bytes));
            let outgoing = repeat_n(record, entry.topics.len()).zip(&entry.topics);
            for (record, topic) in outgoing {
                let is_first = *topic == self.notifications;
                let stage = if is_first { &mut first } else { &mut then };
                stage.push(Outgoing { topic: topic.clone(), record });
            }
        }
        for records in [first, then] {
            if !records.is_empty() {
                self.publisher.publish(records).await?;
            }
        }
        Ok(())
    }
}

fn log(error: &RelayError) {
    tracing::warn!(error = error as &dyn std::error::Error, "events wait in the outbox");
}

fn through(pending: &[Pending]) -> Vec<Published> {
    let published = |pending: &Pending| {
        let (through, _) = pending.entries.last()?;
        Some(Published { owner: pending.owner.clone(), through: *through })
    };
    pending.iter().filter_map(published).collect()
}
