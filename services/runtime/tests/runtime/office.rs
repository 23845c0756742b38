//! A relay at work on the payments of the memory platform, and a publisher that is looked at.

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir_domain::id::PaymentId;
use comptoir_domain::outbox::{OutboxEntry, OutboxOwner};
use comptoir_domain::port::bus::{BusError, Publisher};
use comptoir_domain::port::platform::{Log, Stores as _};
use comptoir_domain::port::store::{Outbox as _, PaymentRepository as _, Save, Version};
use comptoir_domain::port::world::Clock as _;
use comptoir_domain::record::{Outgoing, Position};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::Topic;
use comptoir_http::Readiness;
use comptoir_memory::{Memory, MemoryPayments};
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::relay::Relay;
use comptoir_runtime::supervise::TaskResult;
use comptoir_testkit::{a_payment, an_envelope, within};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::unreadable::Damaged;
use crate::world::{LONG, World, id_of, until};

fn fresh() -> (PaymentId, Version) {
    (a_payment().build().id, Version::NEW)
}

type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A publisher that writes down what it was asked.
#[derive(Clone)]
struct Watched {
    inner: <Memory as Log>::Publisher,
    /// Topic names by call, failed ones included.
    calls: Arc<Mutex<Vec<Vec<String>>>>,
    /// For each of the next calls: whether its answer is lost.
    lost: Arc<Mutex<VecDeque<bool>>>,
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
    /// Ids of events that are refused, with all that come with them.
    refused: Arc<Mutex<HashSet<String>>>,
}

impl Publisher for Watched {
    async fn publish(&self, records: Vec<Outgoing>) -> Result<Vec<Position>, BusError> {
        let topics = records.iter().map(|outgoing| outgoing.topic.to_string());
        self.calls.lock().unwrap().push(topics.collect());
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
        if records.iter().any(|it| self.refused.lock().unwrap().contains(&id_of(&it.record))) {
            return Err(BusError::Refused("the test does not like it".into()));
        }
        let published = self.inner.publish(records).await;
        if self.lost.lock().unwrap().pop_front().unwrap_or(false) {
            return Err(BusError::Unavailable("the test lost the answer".into()));
        }
        published
    }
}

/// Payments by short names, and what becomes of their events.
pub(crate) struct Office {
    pub(crate) world: World,
    publisher: Watched,
    pub(crate) outbox: Damaged<MemoryPayments>,
    payments: Mutex<HashMap<String, (PaymentId, Version)>>,
}

impl Office {
    pub(crate) async fn new(seed: u64) -> Self {
        let world = World::seeded(3, seed).await;
        let publisher = Watched {
            inner: world.memory.publisher(),
            calls: Arc::default(),
            lost: Arc::default(),
            meanwhile: Arc::default(),
            refused: Arc::default(),
        };
        let outbox = Damaged::of(world.memory.payments());
        Self { world, publisher, outbox, payments: Mutex::default() }
    }

    /// Saves a payment once more, with events of these ids for these topics.
    pub(crate) async fn save(&self, name: &str, ids: &[&str], topics: &[&str]) {
        let saving = self.saving(name, ids, topics);
        saving.await;
    }

    /// Saves it in the middle of the next publish.
    pub(crate) fn save_meanwhile(&self, name: &str, id: &str, topic: &str) {
        let saving = self.saving(name, &[id], &[topic]);
        *self.publisher.meanwhile.lock().unwrap() = Some(Box::pin(saving));
    }

    fn saving(
        &self,
        name: &str,
        ids: &[&str],
        topics: &[&str],
    ) -> impl Future<Output = ()> + Send + use<> {
        let mut payments = self.payments.lock().unwrap();
        let (id, version) = payments.entry(name.to_owned()).or_insert_with(fresh);
        let (id, expected) = (*id, *version);
        *version = expected.next();
        let now = self.world.clock.now();
        let entry = |event: &&str| -> OutboxEntry {
            let envelope = an_envelope().identified(event).at(now);
            envelope.about(Some(&id.to_string())).waiting_for(topics)
        };
        let write = Save {
            state: a_payment().identified(id).build(),
            expected,
            outbox: ids.iter().map(entry).collect(),
            answer: None,
        };
        let repository: MemoryPayments = self.world.memory.payments();
        async move {
            let saved = repository.save(vec![write]).await.unwrap();
            for one in saved {
                one.unwrap();
            }
        }
    }

    /// What is in the outbox of that payment, or will be, cannot be read.
    pub(crate) fn damage(&self, name: &str) {
        let (id, _) = *self.payments.lock().unwrap().entry(name.to_owned()).or_insert_with(fresh);
        self.outbox.damage(OutboxOwner(id.to_string()));
    }

    /// The log will never take an event of that id.
    pub(crate) fn refuse(&self, id: &str) {
        self.publisher.refused.lock().unwrap().insert(id.to_owned());
    }

    /// Of the next publishes, those marked take place but their answers are lost.
    pub(crate) fn on_next_publishes(&self, lost: &[bool]) {
        self.publisher.lost.lock().unwrap().extend(lost);
    }

    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        self.publisher.calls.lock().unwrap().clone()
    }

    /// Ids on a topic, in order within each partition.
    pub(crate) async fn published(&self, topic: &str) -> Vec<String> {
        let records = self.world.records(&Topic::try_from(topic).unwrap()).await;
        records.iter().map(|stored| id_of(&stored.record)).collect()
    }

    pub(crate) async fn until_published(&self, topic: &str, count: usize) {
        let what = format!("{count} events on {topic}");
        until(&what, || async { self.published(topic).await.len() >= count }).await;
    }

    pub(crate) async fn is_empty(&self) -> bool {
        let ever = Timestamp::from_millis(i64::MAX);
        let left = self.world.memory.payments().leftovers(ever, usize::MAX).await;
        left.is_ok_and(|left| left.is_empty())
    }

    /// Waits until the relay has taken up what it was nudged for: it does so before time passes.
    pub(crate) async fn until_nudges_are_taken(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Waits until every outbox is published and cleared.
    pub(crate) async fn until_empty(&self) {
        until("the outboxes to be empty", || self.is_empty()).await;
    }

    pub(crate) fn relay(&self) -> Relaying {
        let readiness = Readiness::default();
        let dependencies = Dependencies::log_is_covered::<Memory>(readiness.clone());
        let (outbox, context) = (self.outbox.clone(), self.world.context.clone());
        let publisher = self.publisher.clone();
        let relay =
            Relay::<_, _, <Memory as Log>::Codec>::new(outbox, publisher, dependencies, context);
        let flush = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(relay.run(flush.clone()));
        Relaying { readiness, flush, task }
    }
}

/// A relay; dropped, it is gone as in a crash.
pub(crate) struct Relaying {
    pub(crate) readiness: Readiness,
    flush: CancellationToken,
    task: JoinSet<TaskResult>,
}

impl Relaying {
    /// Asks it to flush and waits for its end.
    pub(crate) async fn flush(mut self) {
        self.flush.cancel();
        let ended = within(LONG, "the relay's end", self.task.join_next()).await;
        ended.unwrap().unwrap().unwrap();
    }
}
