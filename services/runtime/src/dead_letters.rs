//! Puts away what nobody could handle.

use std::iter;
use std::marker::PhantomData;
use std::sync::Arc;

use comptoir_domain::port::bus::{BusError, Publisher};
use comptoir_domain::port::codec::{DeadLetter, EventCodec};
use comptoir_domain::port::world::{Clock, Ids};
use comptoir_domain::record::{Outgoing, Position, Record};
use comptoir_domain::topic::{GroupId, Topic};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;

/// What is left of a value that even the dead-letter topic refuses.
const CUT_BYTES: usize = 64 * 1024;

/// The dead letters of one group.
#[derive(Debug)]
pub struct DeadLetters<P, C> {
    publisher: P,
    group: GroupId,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    codec: PhantomData<C>,
}

impl<P: Publisher, C: EventCodec> DeadLetters<P, C> {
    /// Dead letters of `group`.
    pub fn new(publisher: P, group: GroupId, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { publisher, group, clock, ids, codec: PhantomData }
    }

    /// Puts a record into `<topic>.dlq`, trying until it is there; false if `stop` came first, and
    /// then the record must stay uncommitted.
    pub async fn put(
        &self,
        source: Position,
        original: &Record,
        reason: String,
        attempts: u32,
        stop: &CancellationToken,
    ) -> bool {
        let topic = source.at.topic.dead_letters();
        tracing::warn!(record.at = %source.at, record.offset = %source.offset, attempts, reason,
            "a record goes to the dead letters");
        let (group, time) = (self.group.clone(), self.clock.now());
        let letter = DeadLetter { reason, attempts, source, group, time };
        let mut record = C::dead_letter(original, &letter);
        let mut smaller = smaller::<C>(original, &letter);
        let mut backoff = Backoff::new(Arc::clone(&self.ids));
        loop {
            let outgoing = Outgoing { topic: topic.clone(), record: record.clone() };
            match self.publisher.publish(vec![outgoing]).await {
                Ok(_) => return true,
                Err(error @ BusError::TooLarge { .. }) => match smaller.next() {
                    Some(cut) => {
                        record = cut;
                        continue;
                    }
                    None => self.report(&topic, &error),
                },
                Err(error) => self.report(&topic, &error),
            }
            if !backoff.wait(stop).await {
                return false;
            }
        }
    }

    fn report(&self, topic: &Topic, error: &BusError) {
        tracing::warn!(group = %self.group, %topic, error = error as &dyn std::error::Error,
            "a dead letter cannot be put away");
    }
}

/// What is tried if a letter is too large: with less of its value, then without key and headers.
fn smaller<'a, C: EventCodec>(
    original: &'a Record,
    letter: &'a DeadLetter,
) -> impl Iterator<Item = Record> + Send + use<'a, C> {
    let bare = || Record { key: None, headers: Vec::new(), ..original.clone() };
    let cut = || C::dead_letter_cut(original, letter, CUT_BYTES);
    let cut_bare = move || C::dead_letter_cut(&bare(), letter, CUT_BYTES);
    iter::once_with(cut).chain(iter::once_with(cut_bare))
}
