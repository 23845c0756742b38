//! What happens to one batch: decode, handle, retry, dead-letter.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::port::handler::{Delivery, Handler, Outcome, SharedError};
use comptoir_domain::port::platform::Platform;
use comptoir_domain::record::{Position, StoredRecord};
use comptoir_domain::topic::{Offset, TopicPartition};
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::context::Context;
use crate::dead_letters::DeadLetters;

/// How often a delivery may fail before it goes to the dead letters.
const MAX_ATTEMPTS: u32 = 5;

/// Processes the batches of one consumer.
pub(super) struct Batches<P: Platform, H> {
    handler: H,
    letters: DeadLetters<P::Publisher, P::Codec>,
    context: Context,
}

/// A delivery that is not done yet.
struct Waiting<'a> {
    delivery: Delivery,
    record: &'a StoredRecord,
    attempts: u32,
}

impl<P: Platform, H: Handler> Batches<P, H> {
    pub(super) fn new(
        handler: H,
        letters: DeadLetters<P::Publisher, P::Codec>,
        context: Context,
    ) -> Self {
        Self {
            handler,
            letters,
            context,
        }
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
        let mut waiting = Vec::with_capacity(records.len());
        for record in records {
            match P::Codec::decode(&record.record) {
                Ok(envelope) => waiting.push(self.waiting(at, record, envelope)),
                Err(unreadable) => {
                    let reason = unreadable.to_string();
                    if !self.put_away(at, record, reason, 0, hurry).await {
                        return before(
                            waiting.first().map_or(record, |first| first.record),
                            records,
                        );
                    }
                }
            }
        }
        match self.handle_all(at, waiting, hurry).await {
            None => records.last().map(|last| last.offset.next()),
            Some(unfinished) => before(unfinished, records),
        }
    }

    fn waiting<'a>(
        &self,
        at: &TopicPartition,
        record: &'a StoredRecord,
        envelope: comptoir_domain::envelope::Envelope,
    ) -> Waiting<'a> {
        let delivery = Delivery {
            at: at.clone(),
            offset: record.offset,
            key: record.record.key.clone(),
            envelope,
            received: self.context.clock.now(),
        };
        Waiting {
            delivery,
            record,
            attempts: 0,
        }
    }

    /// Handles until all are done; the first that is not, if `hurry` came first. A batch that fails
    /// is taken apart, so that one bad delivery stops only itself.
    async fn handle_all<'a>(
        &self,
        at: &TopicPartition,
        mut waiting: Vec<Waiting<'a>>,
        hurry: &CancellationToken,
    ) -> Option<&'a StoredRecord> {
        let mut backoff = self.backoff();
        let mut together = true;
        while !waiting.is_empty() {
            let size = if together { waiting.len() } else { 1 };
            let deliveries: Vec<_> = waiting[..size].iter().map(|w| w.delivery.clone()).collect();
            let mut retry: Option<SharedError> = None;
            let mut failed: Option<SharedError> = None;
            let mut left = Vec::new();
            for (mut one, outcome) in waiting.drain(..size).zip(self.attempt(&deliveries).await) {
                match outcome {
                    Outcome::Done => continue,
                    Outcome::Ignored => {
                        tracing::debug!(kind = one.delivery.envelope.kind(), %at, "not for us");
                        continue;
                    }
                    Outcome::Retry(error) => retry = Some(error),
                    Outcome::Failed(error) if together && size > 1 => failed = Some(error),
                    Outcome::Failed(error) => {
                        one.attempts += 1;
                        if one.attempts >= MAX_ATTEMPTS {
                            let reason = with_causes(&*error);
                            if self
                                .put_away(at, one.record, reason, one.attempts, hurry)
                                .await
                            {
                                continue;
                            }
                        }
                        failed = Some(error);
                    }
                }
                left.push(one);
            }
            waiting.splice(..0, left);
            together &= failed.is_none();
            if let Some(error) = retry.or(failed) {
                tracing::warn!(%at, error = &*error as &dyn std::error::Error,
                    "a batch is not done; trying again");
                if !backoff.wait(hurry).await {
                    return waiting.first().map(|first| first.record);
                }
            } else {
                backoff.reset();
            }
        }
        None
    }

    /// One call of the handler. A panic in it is a failure of every delivery of the call.
    async fn attempt(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let handling = AssertUnwindSafe(self.handler.handle(deliveries)).catch_unwind();
        match handling.await {
            Ok(outcomes) => outcomes,
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
        let source = Position {
            at: at.clone(),
            offset: record.offset,
        };
        self.letters
            .put(source, &record.record, reason, attempts, hurry)
            .await
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the handler panicked: {0}")]
struct HandlerPanicked(String);

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

/// An error with what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The offset to commit when `unfinished` is the first that is not done.
fn before(unfinished: &StoredRecord, records: &[StoredRecord]) -> Option<Offset> {
    let is_first = records
        .first()
        .is_some_and(|first| first.offset == unfinished.offset);
    (!is_first).then_some(unfinished.offset)
}
