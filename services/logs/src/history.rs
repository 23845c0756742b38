//! Reads lines that are older than the window, from the log itself.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, LogReader, ReadLimit};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::topic::{Offset, TopicPartition};

use crate::line::Line;
use crate::reading::Reading;

const READ: ReadLimit = ReadLimit { records: 500, bytes: 256 * 1024, wait: Duration::ZERO };

/// One client's own reading of one partition, until it has caught up with the window.
#[derive(Debug)]
pub(crate) struct History(Reading);

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
    /// A reading from `from` on.
    pub(crate) async fn open<R: LogReader, C: EventCodec>(
        reader: &R,
        at: TopicPartition,
        from: Offset,
    ) -> Result<(Self, Option<Gap>), BusError> {
        let bounds = reader.bounds(&at.topic).await?;
        let bounds = bounds.get(at.partition.0 as usize);
        let bounds = bounds.ok_or_else(|| BusError::UnknownTopic { name: at.to_string() })?;
        let begin = from.max(bounds.earliest);
        let gap = (begin > from).then(|| Gap { at: at.clone(), from, to: begin });
        let reading = Reading::primed::<R, C>(reader, at, begin, bounds.earliest).await?;
        Ok((Self(reading), gap))
    }

    /// The next lines, and the offset behind them; no lines at the end of the log, or if all of
    /// them were repeats.
    pub(crate) async fn read<R: LogReader, C: EventCodec>(
        &mut self,
        reader: &R,
    ) -> Result<(Vec<Arc<Line>>, Offset), BusError> {
        let lines = self.0.read::<R, C>(reader, READ).await?;
        Ok((lines.into_iter().flatten().collect(), self.0.next))
    }
}
