//! Reads the lines of one partition in order, recognising repeats on the way.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, LogReader, ReadLimit};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, TopicPartition};

use crate::line::{self, Line};
use crate::repeats::{Repeats, primed_from};

/// What priming reads at once.
const PRIME: ReadLimit = ReadLimit { records: 1_000, bytes: 1024 * 1024, wait: Duration::ZERO };
/// Offsets without a record that are kept between two records. Behind a
/// larger hole the window begins anew.
const MAX_HOLES: u64 = 1_000;

/// One partition, read up to `next`.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) at: TopicPartition,
    pub(crate) next: Offset,
    repeats: Repeats,
}

impl Reading {
    /// A reading that goes on at `begin`, after a look at what stands before it, so that repeats are
    /// hidden as every other reading hides them.
    pub(crate) async fn primed<R: LogReader, C: EventCodec>(
        reader: &R,
        at: TopicPartition,
        begin: Offset,
        earliest: Offset,
    ) -> Result<Self, BusError> {
        let next = primed_from(begin, earliest);
        let mut reading = Self { at, next, repeats: Repeats::default() };
        while reading.next < begin {
            let missing = usize::try_from(begin.0 - reading.next.0).unwrap_or(usize::MAX);
            let limit = ReadLimit { records: missing.min(PRIME.records), ..PRIME };
            let records = reader.read(&reading.at, reading.next, limit).await?;
            let Some(last) = records.last().map(|record| record.offset) else {
                break;
            };
            // Where offsets are left out, fewer records than that stand before it.
            for record in records.iter().take_while(|record| record.offset < begin) {
                let entry = line::entry::<C>(&reading.at, record);
                reading.is_repeat(record, line::fingerprint(&entry));
            }
            if last >= begin {
                reading.next = begin;
            }
        }
        Ok(reading)
    }

    /// The next lines, one for each offset: a repeat, or an offset without a record, is a `None`.
    /// Empty at the end of the log.
    pub(crate) async fn read<R: LogReader, C: EventCodec>(
        &mut self,
        reader: &R,
        limit: ReadLimit,
    ) -> Result<Vec<Option<Arc<Line>>>, BusError> {
        let records = reader.read(&self.at, self.next, limit).await?;
        let mut lines = Vec::with_capacity(records.len());
        for record in &records {
            // A log with markers of transactions, or compacted, leaves offsets out.
            let holes = record.offset.0.saturating_sub(self.next.0).min(MAX_HOLES);
            lines.extend((0..holes).map(|_| None));
            let entry = line::entry::<C>(&self.at, record);
            let fingerprint = line::fingerprint(&entry);
            lines.push(if self.is_repeat(record, fingerprint) {
                tracing::debug!(at = %self.at, offset = %record.offset, "a repeated line is hidden");
                None
            } else {
                Some(Arc::new(Line::encode(&self.at, record.offset, &entry)))
            });
        }
        Ok(lines)
    }

    fn is_repeat(&mut self, record: &StoredRecord, fingerprint: u64) -> bool {
        self.next = record.offset.next();
        self.repeats.is_repeat(record.offset, fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use comptoir_domain::event::Event;
    use comptoir_domain::log_entry::LogEntry;
    use comptoir_domain::port::bus::Bounds;
    use comptoir_domain::port::platform::Log;
    use comptoir_domain::topic::{Partition, Topic};
    use comptoir_memory::Memory;
    use comptoir_testkit::an_envelope;

    use super::*;

    type Codec = <Memory as Log>::Codec;

    /// A log of a hundred records in which every other offset is left out.
    #[derive(Clone)]
    struct Sparse;

    impl LogReader for Sparse {
        async fn bounds(&self, _: &Topic) -> Result<Vec<Bounds>, BusError> {
            Ok(vec![Bounds { earliest: Offset(0), next: Offset(200) }])
        }

        async fn read(
            &self,
            _: &TopicPartition,
            from: Offset,
            limit: ReadLimit,
        ) -> Result<Vec<StoredRecord>, BusError> {
            let record = |offset| {
                let event = an_envelope().identified(&format!("n{offset}")).build();
                let line = an_envelope().of(Event::LogWritten(LogEntry::of(&event))).build();
                StoredRecord { offset: Offset(offset), record: Codec::encode(&line, None) }
            };
            let all = (0..200).step_by(2).filter(|offset| *offset >= from.0);
            Ok(all.take(limit.records).map(record).collect())
        }
    }

    #[tokio::test]
    async fn the_look_at_what_stands_before_does_not_go_too_far() {
        let topic = Topic::try_from("logs").unwrap();
        for begin in [0, 1, 50, 51, 198, 199, 200] {
            let at = TopicPartition { topic: topic.clone(), partition: Partition(0) };
            let primed = Reading::primed::<_, Codec>(&Sparse, at, Offset(begin), Offset(0));
            let mut reading = primed.await.unwrap();
            let lines = reading.read::<_, Codec>(&Sparse, PRIME).await.unwrap();
            let offsets: Vec<_> = lines.into_iter().flatten().map(|line| line.offset.0).collect();
            let expected: Vec<_> = (0..200).step_by(2).filter(|offset| *offset >= begin).collect();
            assert_eq!(offsets, expected, "from {begin}");
        }
    }
}
