//! The one who writes to a partition.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::topic::Offset;
use kafka_groups::batch::NewRecord;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::queue::{Turn, Unit};
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

/// Larger buffers are not kept for the next batch.
const SPARE_RECORDS: usize = 16_384;

/// What became of so many records in a row: the offset of the first, or why there is none.
#[derive(Debug)]
struct Run {
    count: usize,
    outcome: Result<i64, Failure>,
}

/// Writes what arrives in its queue, batch by batch.
#[derive(Debug)]
pub(super) struct Writer {
    arriving: mpsc::Receiver<Unit>,
    /// Did not fit into the batch before.
    held: Option<Unit>,
    wire: Wire,
    batch_bytes: usize,
    /// The last batch's buffer: the next one is as large, and fresh memory has its price.
    spare: Vec<NewRecord>,
    turn: Turn,
    stop: CancellationToken,
}

impl Writer {
    /// One that takes its `turn` behind the partition's writer before it.
    pub(super) fn new(
        arriving: mpsc::Receiver<Unit>,
        wire: Wire,
        turn: Turn,
        stop: CancellationToken,
    ) -> Self {
        let (held, spare) = (None, Vec::new());
        Self { arriving, held, wire, batch_bytes: BATCH_BYTES, spare, turn, stop }
    }

    /// Writes until no more can come.
    pub(super) async fn run(mut self) {
        let _turn = Arc::clone(&self.turn).lock_owned().await;
        while let Some(first) = self.first().await {
            let mut units = self.batch(first);
            let Some(deadline) = units.iter().map(|unit| unit.deadline).max() else { continue };
            let parts = self.parts(&mut units);
            let runs = self.append(parts, deadline).await;
            answer(units, runs);
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

    /// The units' records, in one part unless they are more than a batch.
    fn parts(&mut self, units: &mut [Unit]) -> VecDeque<Vec<NewRecord>> {
        let mut records = std::mem::take(&mut self.spare);
        for unit in &mut *units {
            records.append(&mut unit.records);
        }
        let bytes: usize = units.iter().map(|unit| unit.encoded).sum();
        if bytes <= self.batch_bytes { [records].into() } else { cut(records, self.batch_bytes) }
    }

    /// Appends the parts in order; says of each run of records where it stands or why it does not.
    async fn append(&mut self, mut parts: VecDeque<Vec<NewRecord>>, deadline: Instant) -> Vec<Run> {
        let mut runs = Vec::with_capacity(parts.len());
        while let Some(mut part) = parts.pop_front() {
            let count = part.len();
            let outcome = self.append_part(&part, deadline).await;
            match outcome {
                Err(Failure::TooLarge | Failure::Rejected(_)) if count > 1 => {
                    let behind = part.split_off(count / 2);
                    parts.push_front(behind);
                    parts.push_front(part);
                    continue;
                }
                // What comes behind must not overtake.
                Err(Failure::Away(_) | Failure::Denied(_) | Failure::UnknownTopic) => {
                    let left: usize = parts.drain(..).map(|part| part.len()).sum();
                    runs.push(Run { count: count + left, outcome });
                }
                Ok(_) | Err(_) => runs.push(Run { count, outcome }),
            }
            part.clear();
            if part.capacity() <= SPARE_RECORDS {
                self.spare = part;
            }
        }
        runs
    }

    /// Appends the records as one batch, trying again while that can help.
    async fn append_part(
        &mut self,
        records: &Vec<NewRecord>,
        deadline: Instant,
    ) -> Result<i64, Failure> {
        let mut pauses = Pauses::new();
        let failure = loop {
            match self.wire.append(records, deadline).await {
                Ok(first) => return Ok(first),
                Err(failure @ Failure::Away(_)) => {
                    let pause = pauses.next();
                    if Instant::now() + pause >= deadline {
                        break failure;
                    }
                    sleep(pause).await;
                }
                Err(failure) => break failure,
            }
        };
        self.wire.give_up();
        if matches!(failure, Failure::TooLarge) && records.len() > 1 {
            // The topic takes less than was thought: later batches are made smaller at once.
            let bytes: usize = records.iter().map(encoded_bytes).sum();
            self.batch_bytes = self.batch_bytes.min((bytes / 2).max(SMALLEST_BATCH));
        }
        Err(failure)
    }
}

/// Runs of records that fit into a batch, as few as can be; at least one record each.
fn cut(records: Vec<NewRecord>, most: usize) -> VecDeque<Vec<NewRecord>> {
    let mut parts = VecDeque::new();
    let (mut part, mut bytes) = (Vec::new(), 0);
    for record in records {
        let more = encoded_bytes(&record);
        if !part.is_empty() && bytes + more > most {
            parts.push_back(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += more;
        part.push(record);
    }
    parts.push_back(part);
    parts
}

/// Tells each unit's caller its part of the outcomes: the places, or the first failure.
fn answer(units: Vec<Unit>, runs: Vec<Run>) {
    let each = |Run { count, outcome }| {
        (0_i64..).take(count).map(move |n| match &outcome {
            Ok(first) => Ok(offset(first + n)),
            Err(failure) => Err(failure.clone()),
        })
    };
    let mut outcomes = runs.into_iter().flat_map(each);
    for unit in units {
        let mut own = outcomes.by_ref().take(unit.count);
        let answer: Result<Vec<Offset>, Failure> = own.by_ref().collect();
        // The first failure ended the collection, not the unit.
        own.for_each(drop);
        unit.answer(answer);
    }
}

#[cfg(test)]
mod tests {
    use kafka_groups::{Cluster, TopicPartition};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::publisher::clients::Clients;
    use crate::settings::Settings;

    fn record(bytes: usize) -> NewRecord {
        NewRecord { value: Some(vec![0; bytes].into()), ..NewRecord::default() }
    }

    fn lengths(records: Vec<NewRecord>, most: usize) -> Vec<usize> {
        cut(records, most).iter().map(Vec::len).collect()
    }

    #[test]
    fn parts_are_full_and_leave_none_out() {
        let records: Vec<_> = [400, 400, 400, 2_000, 100, 100].map(record).into();
        assert_eq!(lengths(records.clone(), 1_000), [2, 1, 1, 2]);
        assert_eq!(lengths(records[3..5].to_vec(), 1), [1, 1]);
    }

    /// Each caller gets its own places, and nothing of another's failure.
    #[tokio::test]
    async fn outcomes_come_to_whom_they_belong() {
        let room = Arc::new(Semaphore::new(10));
        let (mut units, mut replies) = (Vec::new(), Vec::new());
        for count in [2, 1, 3, 1] {
            let permit = Arc::clone(&room).acquire_owned().await.unwrap();
            let records = vec![record(1); count];
            let (unit, reply) = Unit::new(records, count, Instant::now(), permit);
            units.push(unit);
            replies.push(reply);
        }
        let run = |count, outcome| Run { count, outcome };
        let runs = [run(4, Ok(7)), run(1, Err(Failure::TooLarge)), run(1, Ok(11)), run(1, Ok(12))];
        answer(units, runs.into());
        let mut told = Vec::new();
        for reply in replies {
            told.push(reply.await.unwrap().ok());
        }
        let at = |offsets: &[u64]| Some(offsets.iter().copied().map(Offset).collect::<Vec<_>>());
        assert_eq!(told, [at(&[7, 8]), at(&[9]), None, at(&[12])]);
        assert_eq!(room.available_permits(), 10, "there is room for others again");
    }

    /// A writer that ends for want of records closes its queue and writes what came in between; by
    /// then the partition may have another queue. What stands in that one comes later.
    #[tokio::test(start_paused = true)]
    async fn two_writers_of_a_partition_take_turns() {
        let settings = Arc::new(Settings::new(["127.0.0.1:1"]));
        let (cluster, clients) = (Cluster::new(settings.for_groups()), Clients::new(&settings));
        let (clients, turn) = (Arc::new(clients), Turn::default());
        let at = TopicPartition::new("t", 0);
        let room = Arc::new(Semaphore::new(2));
        let writer = |patience: u64| {
            let permit = Arc::clone(&room).try_acquire_owned().unwrap();
            let deadline = Instant::now() + Duration::from_secs(patience);
            let (unit, reply) = Unit::new(vec![record(1)], 1, deadline, permit);
            let (queue, arriving) = mpsc::channel(1);
            queue.try_send(unit).unwrap();
            let wire = Wire::new(at.clone(), &cluster, &clients, &settings);
            let writer = Writer::new(arriving, wire, Arc::clone(&turn), CancellationToken::new());
            let told = async {
                let _ = reply.await;
                Instant::now()
            };
            (writer.run(), told)
        };
        // Nobody answers: each unit is told so at its deadline.
        let ((one, told_one), (two, told_two)) = (writer(8), writer(2));
        let ((), (), told_one, told_two) = tokio::join!(one, two, told_one, told_two);
        assert!(told_one <= told_two, "the later one overtook");
    }
}
