//! Reads dead letters back.

use std::marker::PhantomData;
use std::time::Duration;

use uuid::Uuid;

use crate::dead_letters::{Letters, Place};
use crate::port::bus::{Bounds, BusError, LogAdmin, LogReader, ReadLimit};
use crate::port::codec::{DeadRecord, EventCodec, StoredLetter};
use crate::record::StoredRecord;
use crate::topic::{Offset, Partition, Topic, TopicPartition};

/// What one call reads at most: so many records, or about so many bytes of them.
const MOST_RECORDS: usize = 10_000;
const MOST_BYTES: usize = 16 * 1024 * 1024;
const READ: ReadLimit = ReadLimit { records: 500, bytes: 1024 * 1024, wait: Duration::ZERO };

/// Reads what stands on dead-letter topics.
#[derive(Debug)]
pub struct ReadDeadLetters<R, A, C> {
    reader: R,
    admin: A,
    codec: PhantomData<C>,
}

/// What may still be read.
struct Budget {
    records: usize,
    bytes: usize,
}

impl Budget {
    fn is_spent(&self) -> bool {
        self.records == 0 || self.bytes == 0
    }

    fn spend(&mut self, stored: &StoredRecord) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(stored.record.size());
    }
}

impl<R: LogReader, A: LogAdmin, C: EventCodec> ReadDeadLetters<R, A, C> {
    /// The use case over its ports.
    pub fn new(reader: R, admin: A) -> Self {
        Self { reader, admin, codec: PhantomData }
    }

    /// Reads what was written since the letters were last brought up to date, as much as one call may,
    /// and returns how many records are left. Dropping the future keeps what was read.
    ///
    /// # Errors
    /// The log's; a dead-letter topic that does not exist holds nothing.
    pub async fn catch_up(&self, letters: &mut Letters) -> Result<u64, BusError> {
        let topic = letters.source().dead_letters();
        let (log, bounds) = match self.look_at(&topic).await {
            Err(BusError::UnknownTopic { .. }) => (None, Vec::new()),
            there => there.map(|(log, bounds)| (Some(log), bounds))?,
        };
        letters.go_on_in(log, &bounds);
        letters.keep_within(&bounds);
        let mut budget = Budget { records: MOST_RECORDS, bytes: MOST_BYTES };
        for (partition, bounds) in (0..).map(Partition).zip(&bounds) {
            let at = TopicPartition { topic: topic.clone(), partition };
            self.read_on(letters, &at, bounds.next, &mut budget).await?;
        }
        Ok(letters.unread(&bounds))
    }

    async fn look_at(&self, topic: &Topic) -> Result<(Uuid, Vec<Bounds>), BusError> {
        Ok((self.admin.log_id(topic).await?, self.reader.bounds(topic).await?))
    }

    async fn read_on(
        &self,
        letters: &mut Letters,
        at: &TopicPartition,
        end: Offset,
        budget: &mut Budget,
    ) -> Result<(), BusError> {
        while letters.next_of(at.partition) < end && !budget.is_spent() {
            let read = match self.reader.read(at, letters.next_of(at.partition), READ).await {
                // Retention was faster; the next call begins behind it.
                Err(BusError::OutOfRange { .. }) => return Ok(()),
                read => read?,
            };
            if read.is_empty() {
                return Ok(());
            }
            for stored in read {
                budget.spend(&stored);
                let (time, offset) = (stored.record.time, stored.offset);
                let place = Place { time, partition: at.partition, offset };
                letters.take_in(place, C::read_dead(&stored.record).ok());
            }
        }
        Ok(())
    }

    /// The letter at a place of the dead-letter topic of `source`; `None` if there is none.
    ///
    /// # Errors
    /// The log's.
    pub async fn letter(
        &self,
        source: &Topic,
        partition: Partition,
        offset: Offset,
    ) -> Result<Option<StoredLetter>, BusError> {
        let at = TopicPartition { topic: source.dead_letters(), partition };
        let one = ReadLimit { records: 1, bytes: 1, wait: Duration::ZERO };
        let read = match self.reader.read(&at, offset, one).await {
            Err(BusError::OutOfRange { .. } | BusError::UnknownTopic { .. }) => Vec::new(),
            read => read?,
        };
        let here = read.into_iter().find(|stored| stored.offset == offset);
        Ok(here.and_then(|stored| match C::read_dead(&stored.record) {
            Ok(DeadRecord::Letter(found)) if found.letter.source.at.topic == *source => Some(found),
            Ok(DeadRecord::Letter(_) | DeadRecord::Replayed(_)) | Err(_) => None,
        }))
    }
}
