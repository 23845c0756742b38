//! Reads lines that are older than the window, from the log itself.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, LogReader, ReadLimit};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::topic::{Offset, TopicPartition};

use crate::line::Line;
use crate::repeats::{Repeats, primed_from};

const READ: ReadLimit = ReadLimit {
    records: 500,
    bytes: 256 * 1024,
    wait: Duration::ZERO,
};

/// One client's own reading of one partition. It costs the log as much as a second tail, and ends
/// when the client has caught up with the window.
#[derive(Debug)]
pub(crate) struct History {
    at: TopicPartition,
    next: Offset,
    repeats: Repeats,
}

/// What retention took before it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Where.
    pub(crate) at: TopicPartition,
    /// The first offset that is gone.
    pub(crate) from: Offset,
    /// The first offset that is there.
    pub(crate) to: Offset,
}

impl History {
    /// A reading from `from` on, primed so that repeats are hidden as everywhere.
    pub(crate) async fn open<R: LogReader, C: EventCodec>(
        reader: &R,
        at: TopicPartition,
        from: Offset,
    ) -> Result<(Self, Option<Gap>), BusError> {
        let bounds = reader.bounds(&at.topic).await?;
        let bounds = bounds.get(at.partition.0 as usize);
        let bounds = bounds.ok_or_else(|| BusError::UnknownTopic {
            name: at.to_string(),
        })?;
        let begin = from.max(bounds.earliest);
        let gap = (begin > from).then(|| Gap {
            at: at.clone(),
            from,
            to: begin,
        });
        let next = primed_from(begin, bounds.earliest);
        let mut history = Self {
            at,
            next,
            repeats: Repeats::default(),
        };
        while history.next < begin {
            let missing = usize::try_from(begin.0 - history.next.0).unwrap_or(usize::MAX);
            if history.take::<R, C>(reader, missing).await?.is_empty() {
                break;
            }
        }
        Ok((history, gap))
    }

    /// The next offset that it reads.
    pub(crate) fn next(&self) -> Offset {
        self.next
    }

    /// The next lines, and the offset behind them; no lines at the end of the log, or if all of
    /// them were repeats.
    pub(crate) async fn read<R: LogReader, C: EventCodec>(
        &mut self,
        reader: &R,
    ) -> Result<(Vec<Arc<Line>>, Offset), BusError> {
        let lines = self.take::<R, C>(reader, READ.records).await?;
        Ok((lines.into_iter().flatten().collect(), self.next))
    }

    async fn take<R: LogReader, C: EventCodec>(
        &mut self,
        reader: &R,
        records: usize,
    ) -> Result<Vec<Option<Arc<Line>>>, BusError> {
        let limit = ReadLimit {
            records: records.min(READ.records),
            ..READ
        };
        let records = reader.read(&self.at, self.next, limit).await?;
        let mut lines = Vec::with_capacity(records.len());
        for record in &records {
            let line = Line::of::<C>(&self.at, record);
            let repeat = self.repeats.is_repeat(record.offset, line.fingerprint);
            lines.push((!repeat).then(|| Arc::new(line)));
            self.next = record.offset.next();
        }
        Ok(lines)
    }
}
