//! Puts a dead letter back on its topic.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::port::bus::{BusError, Publisher};
use crate::port::codec::{EventCodec, Replay, StoredLetter};
use crate::port::world::Clock;
use crate::record::{Outgoing, Position, Record};
use crate::topic::Topic;

/// Puts dead letters back.
///
/// First the record goes to its topic, then a note of that to the dead-letter topic. A crash between
/// the two leaves the letter open, and putting it back again makes a repeat, which consumers recognise
/// as they do any other: it is the same event.
#[derive(Debug)]
pub struct ReplayDeadLetter<P, C> {
    publisher: P,
    clock: Arc<dyn Clock>,
    codec: PhantomData<C>,
}

/// What became of it. The record is on its topic in any case.
#[derive(Debug)]
pub struct Replayed {
    /// Where it stands now.
    pub to: Position,
    /// Whether that could be noted; if not, the letter may show as open still.
    pub noted: Result<(), BusError>,
}

impl<P: Publisher, C: EventCodec> ReplayDeadLetter<P, C> {
    /// The use case over its ports.
    pub fn new(publisher: P, clock: Arc<dyn Clock>) -> Self {
        Self { publisher, clock, codec: PhantomData }
    }

    /// Puts a letter back whose value was not cut, and waits until it is durable.
    ///
    /// # Errors
    /// The log's. Whether the record was appended is unknown after [`BusError::Unavailable`].
    pub async fn run(&self, stored: &StoredLetter) -> Result<Replayed, BusError> {
        let source = &stored.letter.source;
        let time = self.clock.now();
        let to = match self.append(&source.at.topic, C::replayed(stored, time)).await {
            // An original that just fits has no room for the count.
            Err(BusError::TooLarge { .. }) => {
                let original = Record { time, ..stored.original.clone() };
                self.append(&source.at.topic, original).await?
            }
            appended => appended?,
        };
        let replay = Replay { source: source.clone(), to: to.clone(), time };
        let note = C::replay_note(stored.original.key.as_deref(), &replay);
        let noted = self.append(&source.at.topic.dead_letters(), note).await;
        Ok(Replayed { to, noted: noted.map(|_| ()) })
    }

    async fn append(&self, topic: &Topic, record: Record) -> Result<Position, BusError> {
        let places =
            self.publisher.publish(vec![Outgoing { topic: topic.clone(), record }]).await?;
        let place = places.into_iter().next();
        place.ok_or_else(|| BusError::Corrupt("the log gave no place for a record".into()))
    }
}
