//! The one who writes to a partition.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use comptoir_domain::record::Record;
use comptoir_domain::topic::Offset;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::queue::Unit;
use super::retry::Pauses;
use super::wire::Wire;
use crate::names::offset;
use crate::record::encoded_bytes;

/// Bytes of records in a batch, at first. Brokers take 1,048,588 with the batch's own head unless
/// they are set to less.
const BATCH_BYTES: usize = 1_040_000;
/// A topic that refuses smaller batches than this refuses single records.
const SMALLEST_BATCH: usize = 1_000;
/// A writer without records for so long ends, and its connection with it.
const IDLE: Duration = Duration::from_mins(1);

/// Writes what arrives in its queue, batch by batch.
#[derive(Debug)]
pub(super) struct Writer {
    arriving: mpsc::Receiver<Unit>,
    /// Did not fit into the batch before.
    held: Option<Unit>,
    wire: Wire,
    batch_bytes: usize,
    stop: CancellationToken,
}

impl Writer {
    pub(super) fn new(
        arriving: mpsc::Receiver<Unit>,
        wire: Wire,
        stop: CancellationToken,
    ) -> Self {
        Self { arriving, held: None, wire, batch_bytes: BATCH_BYTES, stop }
    }

    /// Writes until no more can come.
    pub(super) async fn run(mut self) {
        while let Some(first) = self.first().await {
            let units = self.batch(first);
            let deadline = units.iter().map(|unit| unit.deadline).max();
            let records: Vec<&Record> = units.iter().flat_map(|unit| &unit.records).collect();
            let outcomes = match deadline {
                Some(deadline) => self.append(&records, deadline).await,
                None => continue,
            };
            answer(units, outcomes);
        }
    }

    /// The unit that begins the next batch.
    async fn first(&mut self) -> Option<Unit> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        let waiting = timeout(IDLE, self.arriving.recv());
        if let Some(Ok(unit)) = self.stop.run_until_cancelled(waiting).await {
            return unit;
        }
        self.arriving.close();
        self.arriving.recv().await
    }

    /// What arrived by now, as far as it fits. A unit is not split unless it is too much by itself.
    fn batch(&mut self, first: Unit) -> Vec<Unit> {
        let mut bytes = 0;
        let mut units = Vec::new();
        let mut next = Some(first);
        while let Some(unit) = next.take().or_else(|| self.arriving.try_recv().ok()) {
            if unit.is_abandoned() {
                continue;
            }
            if !units.is_empty() && bytes + unit.encoded > self.batch_bytes {
                self.held = Some(unit);
                break;
            }
            bytes += unit.encoded;
            units.push(unit);
        }
        units
    }

    /// Appends the records in order; says of each where it stands or why it does not.
    async fn append(
        &mut self,
        records: &[&Record],
        deadline: Instant,
    ) -> Vec<Result<Offset, Failure>> {
        let mut outcomes = Vec::with_capacity(records.len());
        let mut parts = parts(records, self.batch_bytes);
        while let Some(part) = parts.pop_front() {
            match self.append_part(&records[part.clone()], deadline).await {
                Ok(first) => outcomes.extend((first..).map(|n| Ok(offset(n))).take(part.len())),
                Err(Failure::TooLarge | Failure::Rejected(_)) if part.len() > 1 => {
                    let middle = part.start + part.len() / 2;
                    parts.push_front(middle..part.end);
                    parts.push_front(part.start..middle);
                }
                Err(failure @ (Failure::TooLarge | Failure::Rejected(_))) => {
                    outcomes.push(Err(failure));
                }
                // What comes behind must not overtake.
                Err(failure) => {
                    outcomes.resize(records.len(), Err(failure));
                    break;
                }
            }
        }
        outcomes
    }

    /// Appends the records as one batch, trying again while that can help.
    async fn append_part(
        &mut self,
        records: &[&Record],
        deadline: Instant,
    ) -> Result<i64, Failure> {
        let mut pauses = Pauses::new();
        loop {
            match self.wire.produce(records, deadline).await {
                Err(failure @ Failure::Away(_)) => {
                    let pause = pauses.next();
                    if Instant::now() + pause >= deadline {
                        return Err(failure);
                    }
                    sleep(pause).await;
                }
                Err(Failure::TooLarge) => {
                    self.learn_limit(records);
                    return Err(Failure::TooLarge);
                }
                done => return done,
            }
        }
    }

    /// The topic takes less than was thought: later batches are made smaller at once.
    fn learn_limit(&mut self, refused: &[&Record]) {
        if refused.len() > 1 {
            let bytes: usize = refused.iter().map(|record| encoded_bytes(record)).sum();
            self.batch_bytes = self.batch_bytes.min((bytes / 2).max(SMALLEST_BATCH));
        }
    }
}

/// Runs of records that fit into a batch, as few as can be; at least one record each.
fn parts(records: &[&Record], most: usize) -> VecDeque<Range<usize>> {
    let mut parts = VecDeque::new();
    let (mut start, mut bytes) = (0, 0);
    for (n, record) in records.iter().enumerate() {
        let more = encoded_bytes(record);
        if n > start && bytes + more > most {
            parts.push_back(start..n);
            (start, bytes) = (n, 0);
        }
        bytes += more;
    }
    parts.push_back(start..records.len());
    parts
}

/// Tells each unit's caller its part of the outcomes: the places, or the first failure.
fn answer(units: Vec<Unit>, outcomes: Vec<Result<Offset, Failure>>) {
    let mut outcomes = outcomes.into_iter();
    for unit in units {
        let own: Vec<_> = outcomes.by_ref().take(unit.records.len()).collect();
        unit.answer(own.into_iter().collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> Record {
        Record { value: Some(vec![0; bytes]), ..Record::default() }
    }

    #[test]
    fn parts_are_full_and_leave_none_out() {
        let records: Vec<_> = [400, 400, 400, 2_000, 100, 100].map(record).into();
        let records: Vec<_> = records.iter().collect();
        assert_eq!(parts(&records, 1_000), [0..2, 2..3, 3..4, 4..6]);
        assert_eq!(parts(&records[3..5], 1), [0..1, 1..2]);
    }
}
