//! What happens to one batch: decode, handle, retry, dead-letter.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use comptoir_domain::envelope::Envelope;
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::port::handler::{Delivery, Handler, Outcome, SharedError};
use comptoir_domain::port::platform::Log;
use comptoir_domain::record::{Position, StoredRecord};
use comptoir_domain::topic::{Offset, TopicPartition};
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::causes::with_causes;
use crate::context::Context;
use crate::dead_letters::DeadLetters;

/// How often a delivery may fail before it goes to the dead letters.
const MAX_ATTEMPTS: u32 = 5;
/// By how much the next part of a batch is smaller after one that failed. The largest batch (500) is
/// down to a single delivery after three failures, so the fourth and fifth attempt are its own.
const SPLIT: usize = 8;

/// Processes the batches of one consumer.
pub(super) struct Batches<L: Log, H> {
    handler: H,
    letters: DeadLetters<L::Publisher, L::Codec>,
    context: Context,
}

/// Deliveries that are not done yet, each with where it came from.
#[derive(Default)]
struct Waiting<'a> {
    deliveries: Vec<Delivery>,
    records: Vec<&'a StoredRecord>,
    attempts: Vec<u32>,
}

impl<'a> Waiting<'a> {
    fn push(&mut self, delivery: Delivery, record: &'a StoredRecord) {
        self.deliveries.push(delivery);
        self.records.push(record);
        self.attempts.push(0);
    }

    fn first(&self) -> Option<&'a StoredRecord> {
        self.records.first().copied()
    }

    /// Keeps what `keep` says of the first ones, and all behind them.
    fn retain(&mut self, keep: &[bool]) {
        fn retain<T>(all: &mut Vec<T>, keep: &[bool]) {
            let mut keep = keep.iter().copied().chain(std::iter::repeat(true));
            all.retain(|_| keep.next().unwrap_or(true));
        }
        retain(&mut self.deliveries, keep);
        retain(&mut self.records, keep);
        retain(&mut self.attempts, keep);
    }
}

/// Why a batch is not done at the first attempt.
enum Setback {
    /// Something is away: all of it is tried again together.
    Away(SharedError),
    /// Something in it cannot be handled: it is split.
    Failed(SharedError),
}

impl<L: Log, H: Handler> Batches<L, H> {
    pub(super) fn new(
        handler: H,
        letters: DeadLetters<L::Publisher, L::Codec>,
        context: Context,
    ) -> Self {
        Self { handler, letters, context }
    }

    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(Arc::clone(&self.context.ids))
    }

    /// Handles the records and returns the first offset that is not handled: behind the last one,
    /// unless `hurry` ended the wait for something that is away. `None` if nothing was handled.
    pub(super) async fn process(
        &self,
        at: &TopicPartition,
        records: &[StoredRecord],
        hurry: &CancellationToken,
    ) -> Option<Offset> {
        let mut waiting = Waiting::default();
        for record in records {
            match decode::<L::Codec>(record) {
                Ok(envelope) => waiting.push(self.delivery(at, record, envelope), record),
                Err(reason) => {
                    if !self.put_away(at, record, reason, 0, hurry).await {
                        return before(waiting.first().unwrap_or(record), records);
                    }
                }
            }
        }
        match self.handle_all(at, waiting, hurry).await {
            None => records.last().map(|last| last.offset.next()),
            Some(unfinished) => before(unfinished, records),
        }
    }

    fn delivery(&self, at: &TopicPartition, stored: &StoredRecord, envelope: Envelope) -> Delivery {
        Delivery {
            at: at.clone(),
            offset: stored.offset,
            key: stored.record.key.clone(),
            envelope,
            received: self.context.clock.now(),
        }
    }

    /// Handles until all are done; the first that is not, if `hurry` came first. What fails is split
    /// until the culprit is alone; whatever goes well doubles the next part. So one bad delivery
    /// stops only itself, and the others are together again soon.
    async fn handle_all<'a>(
        &self,
        at: &TopicPartition,
        mut waiting: Waiting<'a>,
        hurry: &CancellationToken,
    ) -> Option<&'a StoredRecord> {
        let mut backoff = self.backoff();
        let mut part = waiting.deliveries.len();
        let mut is_held = false;
        while !waiting.deliveries.is_empty() {
            part = part.min(waiting.deliveries.len());
            let outcomes = self.attempt(&waiting.deliveries[..part]).await;
            let error = match self.settle(at, &mut waiting, outcomes, hurry).await {
                None => {
                    part *= 2;
                    backoff.reset();
                    is_held = false;
                    continue;
                }
                // That may last: once is enough.
                Some(Setback::Away(error)) => {
                    (!std::mem::replace(&mut is_held, true)).then_some(error)
                }
                Some(Setback::Failed(error)) => {
                    part = (part / SPLIT).max(1);
                    Some(error)
                }
            };
            if let Some(error) = error {
                tracing::warn!(%at, error = &*error as &dyn std::error::Error,
                    "a batch is not done; trying again");
            }
            if !backoff.wait(hurry).await {
                return waiting.first();
            }
        }
        None
    }

    /// Strikes out what is done or given up. Only what fails alone is given up: of several, it may be
    /// the fault of another one.
    async fn settle(
        &self,
        at: &TopicPartition,
        waiting: &mut Waiting<'_>,
        outcomes: Vec<Outcome>,
        hurry: &CancellationToken,
    ) -> Option<Setback> {
        let mut setback = None;
        let is_alone = outcomes.len() == 1;
        let mut keep = Vec::with_capacity(outcomes.len());
        for (n, outcome) in outcomes.into_iter().enumerate() {
            keep.push(match outcome {
                Outcome::Done => false,
                Outcome::Ignored => {
                    tracing::debug!(kind = waiting.deliveries[n].envelope.kind(), %at, "not for us");
                    false
                }
                Outcome::Retry(error) => {
                    setback.get_or_insert(Setback::Away(error));
                    true
                }
                Outcome::Failed(error) => {
                    waiting.attempts[n] += 1;
                    let attempts = waiting.attempts[n];
                    let given_up = is_alone && attempts >= MAX_ATTEMPTS && {
                        let reason = with_causes(&*error);
                        self.put_away(at, waiting.records[n], reason, attempts, hurry).await
                    };
                    if !given_up {
                        setback = Some(Setback::Failed(error));
                    }
                    !given_up
                }
            });
        }
        waiting.retain(&keep);
        setback
    }

    /// One call of the handler. A panic in it is a failure of every delivery of the call.
    async fn attempt(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let handling = AssertUnwindSafe(self.handler.handle(deliveries)).catch_unwind();
        match handling.await {
            Ok(mut outcomes) => {
                // A handler that answers for too few or too many fails with what it did not say.
                let silent = || Outcome::Failed(Arc::new(HandlerSilent));
                outcomes.resize_with(deliveries.len(), silent);
                outcomes
            }
            Err(panic) => {
                let error: SharedError = Arc::new(HandlerPanicked(panic_text(&*panic)));
                vec![Outcome::Failed(error); deliveries.len()]
            }
        }
    }

    async fn put_away(
        &self,
        at: &TopicPartition,
        record: &StoredRecord,
        reason: String,
        attempts: u32,
        hurry: &CancellationToken,
    ) -> bool {
        let source = Position { at: at.clone(), offset: record.offset };
        self.letters.put(source, &record.record, reason, attempts, hurry).await
    }
}

/// The event of a record, or why it has none. Bytes that crash the decoder must not stop a partition.
fn decode<C: EventCodec>(stored: &StoredRecord) -> Result<Envelope, String> {
    let decoding = AssertUnwindSafe(|| C::decode(&stored.record));
    match std::panic::catch_unwind(decoding) {
        Ok(decoded) => decoded.map_err(|unreadable| unreadable.to_string()),
        Err(panic) => Err(format!("the decoder panicked: {}", panic_text(&*panic))),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the handler said nothing about the delivery")]
struct HandlerSilent;

#[derive(Debug, thiserror::Error)]
#[error("the handler panicked: {0}")]
struct HandlerPanicked(String);

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// The offset to commit when `unfinished` is the first that is not done.
fn before(unfinished: &StoredRecord, records: &[StoredRecord]) -> Option<Offset> {
    let is_first = records.first().is_some_and(|first| first.offset == unfinished.offset);
    (!is_first).then_some(unfinished.offset)
}
