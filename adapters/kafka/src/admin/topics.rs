//! Topics as an operator sees them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{PartitionInfo, TopicInfo};
use comptoir_domain::topic::{Partition, Topic};
use kafka_groups::admin::Admin;
use kafka_groups::{Cluster, KafkaError, TopicPartition};
use tokio::time::sleep;

use super::spots::{self, By, Spots};

/// A partition between two leaders is asked about so often, then left out.
const ROUNDS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);

/// Every topic but the cluster's own, by name.
pub(super) async fn all(cluster: &Cluster, admin: &Admin) -> Result<Vec<TopicInfo>, KafkaError> {
    let bytes = sizes(admin).await?;
    let mut round = 1;
    loop {
        let mut topics = admin.topics().await?;
        topics.retain(|topic| !topic.internal && !topic.name.starts_with("__"));
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        let spots = spots::ask(cluster, &topics).await;
        let partitions: usize = topics.iter().map(|topic| topic.partitions.len()).sum();
        if spots.len() == partitions || round == ROUNDS {
            return Ok(topics.iter().filter_map(|topic| info(topic, &spots, &bytes)).collect());
        }
        round += 1;
        sleep(PAUSE).await;
    }
}

fn info(topic: &kafka_groups::TopicInfo, spots: &By<Spots>, bytes: &By<u64>) -> Option<TopicInfo> {
    let partition = |info: &kafka_groups::PartitionInfo| {
        let at = TopicPartition::new(Arc::clone(&topic.name), info.partition);
        let Spots { bounds, last_write } = *spots.get(&at)?;
        let partition = Partition(u32::try_from(info.partition).ok()?);
        Some(PartitionInfo { partition, bounds, bytes: bytes.get(&at).copied(), last_write })
    };
    Some(TopicInfo {
        topic: Topic::try_from(&*topic.name).ok()?,
        partitions: topic.partitions.iter().filter_map(partition).collect(),
    })
}

/// Stored bytes; none where the brokers do not tell.
async fn sizes(admin: &Admin) -> Result<By<u64>, KafkaError> {
    match admin.sizes().await {
        Err(error @ (KafkaError::Refused { .. } | KafkaError::Unsupported { .. })) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "brokers tell no sizes");
            Ok(HashMap::new())
        }
        sizes => sizes,
    }
}
