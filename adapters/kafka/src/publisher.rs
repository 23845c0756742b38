//! Appending.
//!
//! A call's records are sorted by partition into [units](queue::Unit); a unit enters its partition's queue as a
//! whole. Each partition has one writer ([`writer`]), which makes one batch of what arrived while
//! the batch before was under way, so that there is never more than one request in flight for a
//! partition and nothing overtakes. A caller waits for one answer per unit, not per record.

mod call;
mod clients;
mod failure;
mod ordered;
mod queue;
mod retry;
mod rskafka;
mod wire;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use comptoir_domain::port::bus::{BusError, MAX_RECORD_BYTES, Publisher};
use comptoir_domain::record::{Outgoing, Position};
use comptoir_domain::topic::Topic;
use tokio::time::{Instant, timeout_at};

use crate::error::bus_error;
use crate::kafka::Core;
use call::{Call, TopicOfCall};
use failure::Stopped;
pub(crate) use queue::Writers;

/// Appends records.
#[derive(Debug, Clone)]
pub struct KafkaPublisher(pub(crate) Arc<Core>);

impl Publisher for KafkaPublisher {
    async fn publish(&self, records: Vec<Outgoing>) -> Result<Vec<Position>, BusError> {
        let deadline = Instant::now() + self.0.settings.call_timeout;
        records.iter().try_for_each(check_size)?;
        let mut call = Call::new(records.len());
        for Outgoing { topic, record } in records {
            let index = match call.find(&topic) {
                Some(index) => index,
                None => call.add_topic(self.topic(topic, deadline).await?),
            };
            call.add(index, record);
        }
        let mut answers = Vec::new();
        for share in call.shares() {
            let records = std::mem::take(&mut share.records);
            let answer = self.0.writers.enqueue(&share.at, records, deadline).await?;
            answers.push(answer);
        }
        for (share, answer) in call.shares().zip(answers) {
            share.offsets = answer.wait(&share.at).await?;
        }
        Ok(call.positions())
    }
}

impl KafkaPublisher {
    async fn topic(&self, name: Topic, deadline: Instant) -> Result<TopicOfCall, BusError> {
        let cluster = &self.0.cluster;
        let asking = cluster.retry(deadline, || cluster.topic(name.as_str()));
        let asked = timeout_at(deadline, asking).await;
        let info = asked.map_err(|_| Stopped::Late)?.map_err(bus_error)?;
        let partitions = u32::try_from(info.partitions.len()).unwrap_or(u32::MAX);
        if partitions == 0 {
            return Err(BusError::UnknownTopic { name: name.to_string() });
        }
        Ok(TopicOfCall::new(name, partitions, self.0.rotation.next()))
    }
}

/// Dead letters carry a whole record and more.
fn check_size(outgoing: &Outgoing) -> Result<(), BusError> {
    let limit = if is_dead_letters(&outgoing.topic) { 2 } else { 1 } * MAX_RECORD_BYTES;
    let bytes = outgoing.record.size();
    if bytes > limit { Err(BusError::TooLarge { bytes, limit }) } else { Ok(()) }
}

/// Whether a topic is another one's [`Topic::dead_letters`].
pub(crate) fn is_dead_letters(topic: &Topic) -> bool {
    topic.as_str().strip_suffix(".dlq").is_some()
}

/// Where calls put their records without a key, one partition after another.
#[derive(Debug, Default)]
pub(crate) struct Rotation(AtomicU32);

impl Rotation {
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
