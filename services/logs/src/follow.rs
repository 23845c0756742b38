//! Follows all partitions from given offsets, for one client.

use std::collections::HashMap;
use std::sync::Arc;

use comptoir_domain::port::bus::BusError;
use comptoir_domain::port::platform::Log;
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use tokio::sync::watch;
use uuid::Uuid;

use crate::history::{Gap, Histories, History};
use crate::line::Line;
use crate::window::{Seen, Window};

/// A line and the partition that it stands in.
pub(crate) type Placed = (Partition, Arc<Line>);

/// What comes next for a client; nothing of either kind at the end of the log.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Lines, oldest first within a partition.
    pub(crate) lines: Vec<Placed>,
    /// What is gone for ever before them.
    pub(crate) gaps: Vec<Gap>,
}

/// One client's place in the log.
pub(crate) struct Follower<L: Log> {
    window: Arc<Window>,
    reader: L::Reader,
    logs: Topic,
    /// Which log the cursors are of.
    log_id: Option<Uuid>,
    cursors: Vec<Offset>,
    histories: Vec<Option<History>>,
    places: Histories,
    grown: watch::Receiver<()>,
    /// Which partition is asked first, so that none waits behind a busy one.
    turn: usize,
}

impl<L: Log> Follower<L> {
    pub(crate) fn new(
        window: Arc<Window>,
        reader: L::Reader,
        logs: Topic,
        places: Histories,
        cursors: Vec<Offset>,
    ) -> Self {
        let histories = cursors.iter().map(|_| None).collect();
        let (grown, log_id) = (window.grown(), window.log_id());
        Self { window, reader, logs, log_id, cursors, histories, places, grown, turn: 0 }
    }

    /// Where the client stands: the next offset of every partition.
    pub(crate) fn cursors(&self) -> &[Offset] {
        &self.cursors
    }

    /// Waits until there may be more.
    pub(crate) async fn grown(&mut self) {
        // The window, and with it the sender, lives as long as its followers.
        let _ = self.grown.changed().await;
    }

    /// The next lines, about `count`: those of one partition in order, all together by time as far
    /// as that allows.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] too if the log was made anew: the cursors lead nowhere.
    pub(crate) async fn next(&mut self, count: usize) -> Result<Batch, BusError> {
        // Whatever comes after this is told by `grown`.
        self.grown.mark_unchanged();
        if self.window.log_id() != self.log_id {
            return Err(BusError::Unavailable("the log was made anew".into()));
        }
        let mut batch = Batch::default();
        let partitions = self.cursors.len();
        self.turn += 1;
        let first = self.turn;
        for n in 0..partitions {
            let room = share(count, batch.lines.len(), partitions - n);
            if room > 0 {
                self.read((n + first) % partitions, room, &mut batch).await?;
            }
        }
        batch.lines = by_time(batch.lines);
        Ok(batch)
    }

    async fn read(&mut self, at: usize, room: usize, batch: &mut Batch) -> Result<(), BusError> {
        let partition = Partition(u32::try_from(at).unwrap_or(u32::MAX));
        loop {
            let before = self.cursors[at];
            let (lines, next) = match self.window.read(partition, before, room) {
                Seen::Here(lines, next) => {
                    self.histories[at] = None;
                    (lines, next)
                }
                Seen::Older => self.read_history(at, partition, batch).await?,
            };
            self.cursors[at] = next;
            let all_hidden = lines.is_empty() && next > before;
            batch.lines.extend(lines.into_iter().map(|line| (partition, line)));
            if !all_hidden {
                return Ok(());
            }
        }
    }

    /// The next lines from the log itself. If retention overtakes the reading, it begins anew where
    /// the log begins now.
    async fn read_history(
        &mut self,
        at: usize,
        partition: Partition,
        batch: &mut Batch,
    ) -> Result<(Vec<Arc<Line>>, Offset), BusError> {
        if let Some(mut history) = self.histories[at].take() {
            match history.read::<_, L::Codec>(&self.reader).await {
                Err(BusError::OutOfRange { .. }) => {}
                read => {
                    self.histories[at] = Some(history);
                    return read;
                }
            }
        }
        let place = TopicPartition { topic: self.logs.clone(), partition };
        let from = self.cursors[at];
        let opened = self.places.open::<_, L::Codec>(&self.reader, place, from).await?;
        let (mut history, gap) = opened;
        batch.gaps.extend(gap);
        let read = history.read::<_, L::Codec>(&self.reader).await?;
        self.histories[at] = Some(history);
        Ok(read)
    }
}

/// How many lines the next of `left` partitions may give to a batch of `count` that has `taken`: what
/// one leaves goes to those behind it. At least one while there is room, however many partitions there
/// are: an empty batch says that there is nothing to read.
fn share(count: usize, taken: usize, left: usize) -> usize {
    count.saturating_sub(taken).div_ceil(left)
}

/// Sorts by time without changing the order within a partition: a line whose event is older than the
/// one before it stays right behind that.
fn by_time(lines: Vec<Placed>) -> Vec<Placed> {
    let mut newest: HashMap<Partition, Timestamp> = HashMap::new();
    let place = |(at, line): Placed| {
        let time = newest.entry(at).or_insert(line.time);
        *time = line.time.max(*time);
        (*time, (at, line))
    };
    let mut placed: Vec<_> = lines.into_iter().map(place).collect();
    placed.sort_by_key(|(time, _)| *time);
    placed.into_iter().map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_nothing_while_there_is_room() {
        assert_eq!(share(200, 0, 3), 67);
        assert_eq!(share(200, 0, 1_000), 1, "more partitions than lines");
        assert_eq!(share(200, 199, 1_000), 1);
        assert_eq!(share(200, 200, 800), 0);
        assert_eq!(share(200, 3, 1), 197, "the last one gets all that is left");
    }
}
