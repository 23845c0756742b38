//! The queues between calls and writers.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, MAX_RECORD_BYTES};
use comptoir_domain::record::Record;
use comptoir_domain::topic::{Offset, TopicPartition};
use futures::FutureExt as _;
use kafka_groups::Cluster;
use kafka_groups::batch::NewRecord;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clients::Clients;
use super::failure::{Failure, Stopped};
use super::wire::Wire;
use super::writer::Writer;
use crate::names;
use crate::record::{encoded_bytes, outgoing};
use crate::settings::Settings;
use crate::sync::lock;

/// Partitions written to at a time. A writer ends when nothing came for a while.
const MOST_WRITERS: usize = 1_024;
/// Units in a partition's queue.
const MOST_UNITS: usize = 4_096;
/// Bytes of records in a partition's queue, [`RECORD_BYTES`] for each record included.
const MOST_BYTES: usize = 16 << 20;
/// What a record takes in memory beside its bytes.
const RECORD_BYTES: usize = size_of::<NewRecord>() + 64;
/// How much longer than the writer its caller waits, so that the writer's answer, which tells the
/// cause, comes first.
const LAST_WORD: Duration = Duration::from_millis(200);

/// The records of one call for one partition: appended together unless they are more than a batch.
#[derive(Debug)]
pub(super) struct Unit {
    /// Until they are taken into a batch.
    pub(super) records: Vec<NewRecord>,
    /// How many they are.
    pub(super) count: usize,
    /// Bytes that they take in a batch.
    pub(super) encoded: usize,
    pub(super) deadline: Instant,
    reply: oneshot::Sender<Result<Vec<Offset>, Failure>>,
    _room: OwnedSemaphorePermit,
}

type Reply = oneshot::Receiver<Result<Vec<Offset>, Failure>>;

impl Unit {
    pub(super) fn new(
        records: Vec<NewRecord>,
        encoded: usize,
        deadline: Instant,
        room: OwnedSemaphorePermit,
    ) -> (Self, Reply) {
        let (reply, answer) = oneshot::channel();
        let count = records.len();
        (Self { records, count, encoded, deadline, reply, _room: room }, answer)
    }

    /// Whether its caller went away. If it was not sent yet, it need not be.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    pub(super) fn answer(self, answer: Result<Vec<Offset>, Failure>) {
        // Who went away does not want to know.
        let _ = self.reply.send(answer);
    }
}

/// What a caller waits for.
#[derive(Debug)]
pub(super) struct Answer {
    reply: Reply,
    deadline: Instant,
    largest: usize,
}

impl Answer {
    pub(super) async fn wait(self, at: &TopicPartition) -> Result<Vec<Offset>, BusError> {
        match timeout_at(self.deadline + LAST_WORD, self.reply).await {
            Err(_) => Err(Stopped::Late.into()),
            Ok(Err(_)) => Err(Stopped::Defect.into()),
            Ok(Ok(answer)) => answer.map_err(|failure| match failure {
                Failure::Away(cause) | Failure::Denied(cause) => {
                    BusError::Unavailable(cause.into())
                }
                Failure::Rejected(cause) => BusError::Refused(cause.into()),
                Failure::NoProducerId => Stopped::NoProducerId.into(),
                Failure::UnknownTopic => BusError::UnknownTopic { name: at.to_string() },
                Failure::TooLarge => {
                    BusError::TooLarge { bytes: self.largest, limit: MAX_RECORD_BYTES }
                }
            }),
        }
    }
}

/// The writers, one for each partition that is written to.
#[derive(Debug)]
pub(crate) struct Writers {
    queues: Mutex<HashMap<TopicPartition, Queue>>,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
    settings: Arc<Settings>,
    clients: Arc<Clients>,
    cluster: Cluster,
}

#[derive(Debug, Clone)]
struct Queue {
    units: mpsc::Sender<Unit>,
    room: Arc<Semaphore>,
    turn: Turn,
}

/// Held by the one who writes to a partition.
pub(super) type Turn = Arc<tokio::sync::Mutex<()>>;

impl Queue {
    /// Whether its writer has ended, with everything that was in the queue.
    fn is_over(&self) -> bool {
        self.units.is_closed() && self.turn.try_lock().is_ok()
    }
}

impl Writers {
    /// Writers whose tasks are `tasks`. They end with these writers, or sooner when told to `stop`;
    /// what is in the queues is written first.
    pub(crate) fn new(
        settings: &Arc<Settings>,
        cluster: &Cluster,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        Self {
            queues: Mutex::default(),
            slots: Arc::new(Semaphore::new(MOST_WRITERS)),
            tasks: tasks.clone(),
            stop: stop.clone(),
            settings: Arc::clone(settings),
            clients: Arc::new(Clients::new(settings)),
            cluster: cluster.clone(),
        }
    }

    /// Puts records into their partition's queue, waiting for room until the deadline.
    pub(super) async fn enqueue(
        &self,
        at: &TopicPartition,
        records: Vec<Record>,
        deadline: Instant,
    ) -> Result<Answer, BusError> {
        let largest = records.iter().map(Record::size).max().unwrap_or(0);
        let records: Vec<_> = records.into_iter().map(outgoing).collect();
        let encoded: usize = records.iter().map(encoded_bytes).sum();
        let weight = (encoded + records.len() * RECORD_BYTES).min(MOST_BYTES);
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let entering = async {
            let mut records = records;
            loop {
                let queue = self.queue(at)?;
                let Ok(room) = queue.room.acquire_many_owned(weight).await else {
                    return Err(Stopped::Closed.into());
                };
                let (unit, reply) = Unit::new(records, encoded, deadline, room);
                match queue.units.send(unit).await {
                    Ok(()) => return Ok(Answer { reply, deadline, largest }),
                    // It ended in this moment, for want of records. The next one takes them.
                    Err(returned) => records = returned.0.records,
                }
            }
        };
        timeout_at(deadline, entering).await.unwrap_or_else(|_| Err(Stopped::Full.into()))
    }

    fn queue(&self, at: &TopicPartition) -> Result<Queue, BusError> {
        let mut queues = lock(&self.queues);
        if let Some(queue) = queues.get(at).filter(|queue| !queue.units.is_closed()) {
            return Ok(queue.clone());
        }
        if self.stop.is_cancelled() {
            return Err(Stopped::Closed.into());
        }
        // A writer that closed its queue may still write what was in it: the next one waits for that.
        let turn = queues.get(at).map(|queue| Arc::clone(&queue.turn)).unwrap_or_default();
        queues.retain(|_, queue| !queue.is_over());
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let slot = slot.map_err(|_| Stopped::TooManyPartitions)?;
        let (units, arriving) = mpsc::channel(MOST_UNITS);
        let wire = Wire::new(names::to_kafka(at)?, &self.cluster, &self.clients, &self.settings);
        let writer = Writer::new(arriving, wire, Arc::clone(&turn), self.stop.clone());
        let name = at.clone();
        self.tasks.spawn(async move {
            if AssertUnwindSafe(writer.run()).catch_unwind().await.is_err() {
                tracing::error!(partition = %name, "a partition's writer ended with a panic");
            }
            drop(slot);
        });
        let queue = Queue { units, room: Arc::new(Semaphore::new(MOST_BYTES)), turn };
        queues.insert(at.clone(), queue.clone());
        Ok(queue)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use comptoir_domain::topic::{Partition, Topic};

    use super::*;

    /// With nobody to take the records, a queue takes so many and then keeps its callers waiting,
    /// until their deadline. Those whose records it took are told by then, too.
    #[tokio::test(start_paused = true)]
    async fn a_full_queue_pushes_back() {
        let settings = Arc::new(Settings::new(["127.0.0.1:1"]));
        let cluster = Cluster::new(settings.for_groups());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let writers = Writers::new(&settings, &cluster, &tasks, &stop);
        let at = TopicPartition { topic: Topic::try_from("t").unwrap(), partition: Partition(0) };
        let began = Instant::now();
        let deadline = began + settings.call_timeout;
        let record = || Record { value: Some(vec![0; 1 << 20]), ..Record::default() };
        let mut taken = Vec::new();
        // Each takes a little more than 1 MiB.
        for _ in 1..MOST_BYTES / (1 << 20) {
            taken.push(writers.enqueue(&at, vec![record()], deadline).await.unwrap());
        }
        let soon = began + settings.call_timeout / 10;
        let error = writers.enqueue(&at, vec![record()], soon).await.unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), Stopped::Full.to_string());
        for answer in taken {
            let answer = answer.wait(&at).await;
            assert!(matches!(answer, Err(BusError::Unavailable(_))), "got {answer:?}");
        }
        assert!(began.elapsed() <= settings.call_timeout + 2 * LAST_WORD, "{:?}", began.elapsed());
        drop(writers);
        tasks.close();
        tasks.wait().await;
    }
}
