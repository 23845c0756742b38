//! Walks through the records of a topic, over several partitions, in order of time.

use std::collections::VecDeque;

use std::time::Duration;

use comptoir_domain::port::bus::{Bounds, BusError, LogReader, ReadLimit};
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};

/// What one search looks at, at most: so many records, or about so many bytes of them.
pub(crate) const MAX_SCANNED: usize = 20_000;
const MAX_SCANNED_BYTES: usize = 64 * 1024 * 1024;
/// What a lane keeps of what it read, in bytes; at least one record.
const MAX_KEPT_BYTES: usize = 2 * 1024 * 1024;
const READ: ReadLimit = ReadLimit { records: 500, bytes: 1024 * 1024, wait: Duration::ZERO };

/// Which way to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Newest first.
    Back,
    /// Oldest first.
    Forth,
}

/// One partition under way. Walking back, `place` is the offset above the next record; walking
/// forth, it is the next record's own.
#[derive(Debug)]
struct Lane {
    at: TopicPartition,
    bounds: Bounds,
    place: Offset,
    read: VecDeque<StoredRecord>,
}

/// A walk.
#[derive(Debug)]
pub(crate) struct Walk {
    direction: Direction,
    lanes: Vec<Lane>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) records: Vec<(Partition, StoredRecord)>,
    pub(crate) scanned: usize,
    /// Where to go on; `None` at the end.
    pub(crate) next: Option<Vec<(Partition, Offset)>>,
}

impl Walk {
    /// A walk through some partitions, each from its own place, which is brought within bounds.
    pub(crate) fn new(
        topic: &Topic,
        direction: Direction,
        from: impl IntoIterator<Item = (Partition, Bounds, Offset)>,
    ) -> Self {
        let lane = |(partition, bounds, place): (Partition, Bounds, Offset)| Lane {
            at: TopicPartition { topic: topic.clone(), partition },
            bounds,
            place: place.clamp(bounds.earliest, bounds.next),
            read: VecDeque::new(),
        };
        Self { direction, lanes: from.into_iter().map(lane).collect() }
    }

    /// The next `limit` records that `matches`, or as many as it may look at.
    pub(crate) async fn find<R: LogReader>(
        mut self,
        reader: &R,
        limit: usize,
        matches: impl Fn(&StoredRecord) -> bool + Send,
    ) -> Result<Found, BusError> {
        let mut found = Found::default();
        let mut bytes = 0;
        while found.records.len() < limit
            && found.scanned < MAX_SCANNED
            && bytes < MAX_SCANNED_BYTES
        {
            let Some((partition, record)) = self.step(reader).await? else {
                return Ok(found);
            };
            found.scanned += 1;
            bytes += record.record.size();
            if matches(&record) {
                found.records.push((partition, record));
            }
        }
        found.next = self.rest();
        Ok(found)
    }

    /// The next record over all lanes.
    async fn step<R: LogReader>(
        &mut self,
        reader: &R,
    ) -> Result<Option<(Partition, StoredRecord)>, BusError> {
        for lane in &mut self.lanes {
            if lane.read.is_empty() {
                lane.fill(reader, self.direction).await?;
            }
        }
        let waiting = self.lanes.iter_mut().filter(|lane| !lane.read.is_empty());
        let time = |lane: &&mut Lane| lane.read.front().map(|record| record.record.time);
        let lane = match self.direction {
            Direction::Back => waiting.max_by_key(time),
            Direction::Forth => waiting.min_by_key(time),
        };
        Ok(lane.and_then(|lane| Some((lane.at.partition, lane.take(self.direction)?))))
    }

    fn rest(&self) -> Option<Vec<(Partition, Offset)>> {
        let more = self.lanes.iter().any(|lane| match self.direction {
            Direction::Back => lane.place > lane.bounds.earliest,
            Direction::Forth => lane.place < lane.bounds.next,
        });
        more.then(|| self.lanes.iter().map(|lane| (lane.at.partition, lane.place)).collect())
    }
}

impl Lane {
    fn take(&mut self, direction: Direction) -> Option<StoredRecord> {
        let record = self.read.pop_front()?;
        self.place = match direction {
            Direction::Back => record.offset,
            Direction::Forth => record.offset.next(),
        };
        Some(record)
    }

    async fn fill<R: LogReader>(
        &mut self,
        reader: &R,
        direction: Direction,
    ) -> Result<(), BusError> {
        match direction {
            Direction::Forth if self.place < self.bounds.next => {
                self.read = reader.read(&self.at, self.place, READ).await?.into();
            }
            Direction::Back if self.place > self.bounds.earliest => self.fill_back(reader).await?,
            Direction::Forth | Direction::Back => {}
        }
        Ok(())
    }

    /// Reads the records below `place`. A read may stop short at its byte limit, so it is repeated
    /// until it reaches `place`; of large records only the nearest are kept.
    async fn fill_back<R: LogReader>(&mut self, reader: &R) -> Result<(), BusError> {
        let below = self.place.0.saturating_sub(READ.records as u64);
        let mut from = Offset(below).max(self.bounds.earliest);
        let mut bytes = 0;
        while from < self.place {
            let records = reader.read(&self.at, from, READ).await?;
            let Some(last) = records.last() else { break };
            from = last.offset.next();
            for record in records.into_iter().filter(|record| record.offset < self.place) {
                bytes += record.record.size();
                self.read.push_front(record);
                while bytes > MAX_KEPT_BYTES && self.read.len() > 1 {
                    bytes -= self.read.pop_back().map_or(0, |farthest| farthest.record.size());
                }
            }
        }
        Ok(())
    }
}
