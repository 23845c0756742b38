//! Reads lines that are older than the window, from the log itself.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, LogReader, ReadLimit};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::topic::{Offset, TopicPartition};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::line::Line;
use crate::reading::Reading;

const READ: ReadLimit = ReadLimit { records: 500, bytes: 256 * 1024, wait: Duration::ZERO };
/// Histories open at a time, over all clients. Each costs the log a look at 65,536 records and the
/// service some 3 MB; who wants one more waits.
const MAX_OPEN: usize = 32;

/// Places for histories.
#[derive(Debug, Clone)]
pub(crate) struct Histories(Arc<Semaphore>);

impl Default for Histories {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_OPEN)))
    }
}

/// One client's own reading of one partition, until it has caught up with the window.
#[derive(Debug)]
pub(crate) struct History {
    reading: Reading,
    _place: Option<OwnedSemaphorePermit>,
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

impl Histories {
    /// A reading from `from` on; waits for a place.
    pub(crate) async fn open<R: LogReader, C: EventCodec>(
        &self,
        reader: &R,
        at: TopicPartition,
        from: Offset,
    ) -> Result<(History, Option<Gap>), BusError> {
        // Fails only once the semaphore is closed, which nobody does.
        let place = Arc::clone(&self.0).acquire_owned().await.ok();
        let bounds = reader.bounds(&at.topic).await?;
        let bounds = bounds.get(at.partition.0 as usize);
        let bounds = bounds.ok_or_else(|| BusError::UnknownTopic { name: at.to_string() })?;
        let begin = from.max(bounds.earliest);
        let gap = (begin > from).then(|| Gap { at: at.clone(), from, to: begin });
        let reading = Reading::primed::<R, C>(reader, at, begin, bounds.earliest).await?;
        Ok((History { reading, _place: place }, gap))
    }
}

impl History {
    /// The next offset that it reads.
    pub(crate) fn next(&self) -> Offset {
        self.reading.next
    }

    /// The next lines, and the offset behind them; no lines at the end of the log, or if all of
    /// them were repeats.
    pub(crate) async fn read<R: LogReader, C: EventCodec>(
        &mut self,
        reader: &R,
    ) -> Result<(Vec<Arc<Line>>, Offset), BusError> {
        let lines = self.reading.read::<R, C>(reader, READ).await?;
        Ok((lines.into_iter().flatten().collect(), self.reading.next))
    }
}
