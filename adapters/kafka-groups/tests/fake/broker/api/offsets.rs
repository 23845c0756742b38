//! `OffsetCommit` 2-9 (fenced by epoch for KIP-848 members), `OffsetFetch` 1-9 (several groups from 8
//! on, fenced by epoch from 9 on) and `ListOffsets` 1-10.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::offset_fetch_response as fetched;
use kafka_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, OffsetCommitRequest, OffsetCommitResponse,
    OffsetFetchRequest, OffsetFetchResponse,
};

use super::{Call, Serve, code, topic_name};
use crate::broker::group::Committer;
use crate::broker::state::State;
use crate::broker::topics::Partition;

impl Serve for OffsetCommitRequest {
    async fn serve(self, call: &Call) -> OffsetCommitResponse {
        let committed = call.with(|state| {
            let group = state.group(call.node(), &self.group_id)?;
            group.admit(&Committer {
                member: &self.member_id,
                epoch: self.generation_id_or_member_epoch,
                instance: self.group_instance_id.as_deref(),
            })?;
            for topic in &self.topics {
                for partition in &topic.partitions {
                    let at = (topic.name.to_string(), partition.partition_index);
                    group.offsets.insert(at, partition.committed_offset);
                }
            }
            Ok(())
        });
        self.refuse(code(&committed), call)
    }

    fn refuse(&self, error: i16, _: &Call) -> OffsetCommitResponse {
        let topics = self.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                OffsetCommitResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(error)
            });
            OffsetCommitResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect())
        });
        OffsetCommitResponse::default().with_topics(topics.collect())
    }
}

/// An offset that was never committed.
const NONE: i64 = -1;

type Offsets = Vec<(String, Vec<(i32, i64)>)>;

impl Serve for OffsetFetchRequest {
    async fn serve(self, call: &Call) -> OffsetFetchResponse {
        if call.origin.version < 8 {
            let topics = self.topics.as_ref().map(|topics| {
                topics
                    .iter()
                    .map(|is| (is.name.to_string(), is.partition_indexes.clone()))
                    .collect()
            });
            let found = call.with(|state| look_up(state, call.node(), &self.group_id, topics));
            return match found {
                Ok(offsets) => single(offsets),
                Err(error) => self.refuse(error.code(), call),
            };
        }
        let groups =
            self.groups.iter().map(|asked| match call.with(|state| fetch(state, call, asked)) {
                Ok(offsets) => group(asked, offsets),
                Err(error) => refused(asked, error.code()),
            });
        OffsetFetchResponse::default().with_groups(groups.collect())
    }

    fn refuse(&self, error: i16, call: &Call) -> OffsetFetchResponse {
        if call.origin.version < 8 {
            return OffsetFetchResponse::default().with_error_code(error);
        }
        let groups = self.groups.iter().map(|asked| refused(asked, error));
        OffsetFetchResponse::default().with_groups(groups.collect())
    }
}

fn fetch(
    state: &mut State,
    call: &Call,
    asked: &OffsetFetchRequestGroup,
) -> Result<Offsets, ResponseError> {
    if let Some(member) = asked.member_id.as_ref().filter(|_| asked.member_epoch >= 0) {
        let group = state.group(call.node(), &asked.group_id)?;
        group.admit(&Committer { member, epoch: asked.member_epoch, instance: None })?;
    }
    let topics = asked.topics.as_ref().map(|topics| {
        topics.iter().map(|is| (is.name.to_string(), is.partition_indexes.clone())).collect()
    });
    look_up(state, call.node(), &asked.group_id, topics)
}

fn look_up(
    state: &mut State,
    node: i32,
    group: &str,
    topics: Option<Vec<(String, Vec<i32>)>>,
) -> Result<Offsets, ResponseError> {
    let offsets = &state.group(node, group)?.offsets;
    let Some(topics) = topics else {
        let all = offsets.iter();
        return Ok(all.map(|((topic, index), &at)| (topic.clone(), vec![(*index, at)])).collect());
    };
    let found = topics.into_iter().map(|(topic, partitions)| {
        let partitions = partitions.into_iter().map(|index| {
            let offset = offsets.get(&(topic.clone(), index)).copied().unwrap_or(NONE);
            (index, offset)
        });
        (topic.clone(), partitions.collect())
    });
    Ok(found.collect())
}

fn refused(asked: &OffsetFetchRequestGroup, error: i16) -> fetched::OffsetFetchResponseGroup {
    fetched::OffsetFetchResponseGroup::default()
        .with_group_id(asked.group_id.clone())
        .with_error_code(error)
}

fn group(asked: &OffsetFetchRequestGroup, offsets: Offsets) -> fetched::OffsetFetchResponseGroup {
    let topics = offsets.into_iter().map(|(name, partitions)| {
        let partitions = partitions.into_iter().map(|(index, offset)| {
            fetched::OffsetFetchResponsePartitions::default()
                .with_partition_index(index)
                .with_committed_offset(offset)
        });
        fetched::OffsetFetchResponseTopics::default()
            .with_name(topic_name(&name))
            .with_partitions(partitions.collect())
    });
    refused(asked, 0).with_topics(topics.collect())
}

fn single(offsets: Offsets) -> OffsetFetchResponse {
    let topics = offsets.into_iter().map(|(name, partitions)| {
        let partitions = partitions.into_iter().map(|(index, offset)| {
            fetched::OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(offset)
        });
        fetched::OffsetFetchResponseTopic::default()
            .with_name(topic_name(&name))
            .with_partitions(partitions.collect())
    });
    OffsetFetchResponse::default().with_topics(topics.collect())
}

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

impl Serve for ListOffsetsRequest {
    async fn serve(self, call: &Call) -> ListOffsetsResponse {
        call.with(|state| {
            self.answer(|topic, partition, time| {
                Ok(offset_at(state.partition(call.node(), topic, partition)?, time))
            })
        })
    }

    fn refuse(&self, error: i16, _: &Call) -> ListOffsetsResponse {
        self.answer(|_, _, _| Err(ResponseError::try_from_code(error).unwrap()))
    }
}

fn offset_at(partition: &Partition, time: i64) -> (i64, i64) {
    match time {
        LATEST => (partition.next, -1),
        EARLIEST => (partition.start, -1),
        time => partition.at_time(time).unwrap_or((-1, -1)),
    }
}

trait Answer {
    fn answer(
        &self,
        look: impl FnMut(&str, i32, i64) -> Result<(i64, i64), ResponseError>,
    ) -> ListOffsetsResponse;
}

impl Answer for ListOffsetsRequest {
    fn answer(
        &self,
        mut look: impl FnMut(&str, i32, i64) -> Result<(i64, i64), ResponseError>,
    ) -> ListOffsetsResponse {
        let topics = self.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let found = look(&topic.name, asked.partition_index, asked.timestamp);
                let (offset, time) = found.unwrap_or((-1, -1));
                ListOffsetsPartitionResponse::default()
                    .with_partition_index(asked.partition_index)
                    .with_error_code(code(&found))
                    .with_timestamp(time)
                    .with_offset(offset)
            });
            ListOffsetsTopicResponse::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect())
        });
        ListOffsetsResponse::default().with_topics(topics.collect())
    }
}
