//! Reading without a group.

use std::collections::HashMap;
use std::sync::Arc;

use comptoir_domain::port::bus::{Bounds, BusError, LogReader, ReadLimit};
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, Topic, TopicPartition};
use kafka_groups::fetch::{Fetched, Limits, fetch};
use kafka_groups::offsets::{Spot, list};
use kafka_groups::{Cluster, KafkaError};
use tokio::time::Instant;

use crate::error::bus_error;
use crate::kafka::Core;
use crate::names::{self, to_kafka_offset};
use crate::record::{size, stored};

/// Asked for in one request, however much a read would take.
const MOST_BYTES: usize = 4 << 20;

/// Reads partitions without a group. Each read that waits has a connection to itself.
#[derive(Debug, Clone)]
pub struct KafkaReader(pub(crate) Arc<Core>);

impl LogReader for KafkaReader {
    async fn bounds(&self, topic: &Topic) -> Result<Vec<Bounds>, BusError> {
        let cluster = &self.0.cluster;
        let deadline = Instant::now() + self.0.settings.call_timeout;
        let asking = cluster.retry(deadline, || bounds(cluster, topic.as_str()));
        asking.await.map_err(bus_error)
    }

    async fn read(
        &self,
        at: &TopicPartition,
        from: Offset,
        limit: ReadLimit,
    ) -> Result<Vec<StoredRecord>, BusError> {
        let at = names::to_kafka(at)?;
        let deadline = Instant::now() + limit.wait;
        let patience = deadline + self.0.settings.call_timeout;
        let mut next = to_kafka_offset(from);
        loop {
            let fetching = || self.fetch(&at, next, limit.bytes, deadline);
            let fetched = self.0.cluster.retry(patience, fetching).await.map_err(bus_error)?;
            let found = within(&fetched, limit);
            // Markers of transactions, or what compaction left out, may be all there is for a while.
            let went_on = fetched.next > next;
            if !found.is_empty() || limit.records == 0 {
                return Ok(found);
            }
            if !went_on && Instant::now() >= deadline {
                return Ok(Vec::new());
            }
            next = fetched.next.max(next);
        }
    }
}

impl KafkaReader {
    async fn fetch(
        &self,
        at: &kafka_groups::TopicPartition,
        from: i64,
        bytes: usize,
        deadline: Instant,
    ) -> Result<Fetched, KafkaError> {
        let limits = Limits {
            min_bytes: 1,
            max_bytes: i32::try_from(bytes.clamp(1, MOST_BYTES)).unwrap_or(i32::MAX),
            max_wait: deadline.saturating_duration_since(Instant::now()),
        };
        let mut lease = self.0.cluster.lease_leader(at).await?;
        fetch(&mut lease, at, from, limits).await
    }
}

async fn bounds(cluster: &Cluster, topic: &str) -> Result<Vec<Bounds>, KafkaError> {
    let info = cluster.topic(topic).await?;
    let at = |partition| kafka_groups::TopicPartition::new(Arc::clone(&info.name), partition);
    let all: Vec<_> = info.partitions.iter().map(|info| at(info.partition)).collect();
    let (earliest, next) =
        tokio::try_join!(list(cluster, &all, Spot::Earliest), list(cluster, &all, Spot::Latest))?;
    let of = |at| {
        let told = |offsets: &HashMap<_, i64>| offsets.get(at).copied().unwrap_or(0);
        names::bounds(told(&earliest), told(&next))
    };
    Ok(all.iter().map(of).collect())
}

/// A broker sends whole batches: what the limit leaves of them, but the first record in any case.
fn within(fetched: &Fetched, limit: ReadLimit) -> Vec<StoredRecord> {
    let mut room = limit.bytes;
    let mut found = Vec::new();
    for record in fetched.records.iter().take(limit.records) {
        let bytes = size(record);
        if bytes > room && !found.is_empty() {
            break;
        }
        room = room.saturating_sub(bytes);
        found.push(stored(record));
    }
    found
}
