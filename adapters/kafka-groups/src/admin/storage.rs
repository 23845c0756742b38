//! What partitions take on disk, and cutting them short.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::{
    ApiKey, DeleteRecordsRequest, DeleteRecordsResponse, DescribeLogDirsRequest,
    DescribeLogDirsResponse,
};

use super::Admin;
use crate::error::{KafkaError, Result};
use crate::topic::{TopicPartition, by_topic, topic_name};

impl Admin {
    /// Bytes of each partition on its leader's disk, asked of every broker.
    pub async fn sizes(&self) -> Result<HashMap<TopicPartition, u64>> {
        self.cluster.retry(self.deadline(), || self.sizes_once()).await
    }

    /// Deletes what is before these offsets; -1 is the high watermark. Returns the new first
    /// offsets.
    ///
    /// # Errors
    /// Also if only one partition refuses; others may have been cut then.
    pub async fn delete_records(
        &self,
        before: &[(TopicPartition, i64)],
    ) -> Result<HashMap<TopicPartition, i64>> {
        self.cluster.retry(self.deadline(), || self.cut_once(before)).await
    }

    async fn sizes_once(&self) -> Result<HashMap<TopicPartition, u64>> {
        let topics = self.cluster.all_topics().await?;
        let mut leaders = HashMap::new();
        for topic in &topics {
            for partition in &topic.partitions {
                let at = TopicPartition::new(topic.name.clone(), partition.partition);
                leaders.insert(at, partition.leader);
            }
        }
        let mut sizes = HashMap::new();
        for broker in self.cluster.broker_ids() {
            let mut lease = self.cluster.lease(broker).await?;
            let request = DescribeLogDirsRequest::default().with_topics(None);
            let answer = lease.request(&request, Duration::ZERO).await?;
            let held = read_sizes(&answer)?;
            sizes.extend(held.into_iter().filter(|(at, _)| leaders.get(at) == Some(&Some(broker))));
        }
        Ok(sizes)
    }

    async fn cut_once(
        &self,
        before: &[(TopicPartition, i64)],
    ) -> Result<HashMap<TopicPartition, i64>> {
        let mut led: BTreeMap<i32, Vec<(TopicPartition, i64)>> = BTreeMap::new();
        for (at, offset) in before {
            led.entry(self.cluster.leader(at).await?).or_default().push((at.clone(), *offset));
        }
        let mut starts = HashMap::with_capacity(before.len());
        let wait = self.cluster.settings().request_timeout;
        for (leader, before) in led {
            let mut lease = self.cluster.lease(leader).await?;
            let answer = lease.request(&delete_request(&before, wait), wait).await?;
            self.read_starts(&answer, &mut starts)?;
        }
        Ok(starts)
    }

    fn read_starts(
        &self,
        answer: &DeleteRecordsResponse,
        starts: &mut HashMap<TopicPartition, i64>,
    ) -> Result<()> {
        for topic in &answer.topics {
            for partition in &topic.partitions {
                if let Some(error) = ResponseError::try_from_code(partition.error_code) {
                    self.cluster.doubt_topic(&topic.name, error);
                    return Err(KafkaError::refused(ApiKey::DeleteRecords, error));
                }
                let at = TopicPartition::new(topic.name.as_str(), partition.partition_index);
                starts.insert(at, partition.low_watermark);
            }
        }
        Ok(())
    }
}

fn delete_request(before: &[(TopicPartition, i64)], timeout: Duration) -> DeleteRecordsRequest {
    let partition = |(partition, offset)| {
        DeleteRecordsPartition::default().with_partition_index(partition).with_offset(offset)
    };
    let topics = by_topic(before.iter().map(|(at, offset)| (at, *offset)));
    let topics = topics.into_iter().map(|(topic, offsets)| {
        DeleteRecordsTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(offsets.into_iter().map(partition).collect())
    });
    DeleteRecordsRequest::default()
        .with_topics(topics.collect())
        .with_timeout_ms(i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX))
}

/// Copies that are being moved between disks do not count.
pub(super) fn read_sizes(answer: &DescribeLogDirsResponse) -> Result<HashMap<TopicPartition, u64>> {
    let refused = |code| match ResponseError::try_from_code(code) {
        None => Ok(()),
        Some(error) => Err(KafkaError::refused(ApiKey::DescribeLogDirs, error)),
    };
    refused(answer.error_code)?;
    let mut sizes = HashMap::new();
    for disk in &answer.results {
        refused(disk.error_code)?;
        for topic in &disk.topics {
            for partition in topic.partitions.iter().filter(|one| !one.is_future_key) {
                let at = TopicPartition::new(topic.name.as_str(), partition.partition_index);
                sizes.insert(at, u64::try_from(partition.partition_size).unwrap_or(0));
            }
        }
    }
    Ok(sizes)
}
