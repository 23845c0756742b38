//! One answer of each kind that is asked for here.

use bytes::Bytes;
use kafka_protocol::messages as api;
use kafka_protocol::messages::{
    api_versions_response, consumer_group_describe_response, consumer_group_heartbeat_response,
    delete_records_response, describe_groups_response, describe_log_dirs_response, fetch_response,
    find_coordinator_response, join_group_response, leave_group_response, list_groups_response,
    list_offsets_response, metadata_response, offset_commit_response, offset_fetch_response,
    produce_response,
};
use uuid::Uuid;

use super::{Sample, versions};
use crate::batch::{self, Compression, NewRecord, Sequence};
use crate::membership::wire;
use crate::topic::{TopicPartition, text, topic_name};

/// One of each in every version.
pub(crate) fn all() -> Vec<Sample> {
    let throttled = i32::MAX;
    [
        versions::<api::ApiVersionsRequest>(&api_versions()),
        versions::<api::SaslHandshakeRequest>(
            &api::SaslHandshakeResponse::default().with_mechanisms(vec![text("PLAIN")]),
        ),
        versions::<api::SaslAuthenticateRequest>(
            &api::SaslAuthenticateResponse::default()
                .with_error_message(Some(text("no")))
                .with_auth_bytes(Bytes::from_static(b"v=abc")),
        ),
        versions::<api::MetadataRequest>(&metadata()),
        versions::<api::FindCoordinatorRequest>(&coordinator()),
        versions::<api::FindCoordinatorRequest>(&coordinators()),
        versions::<api::JoinGroupRequest>(&joined()),
        versions::<api::SyncGroupRequest>(&synced()),
        versions::<api::HeartbeatRequest>(&api::HeartbeatResponse::default().with_error_code(27)),
        versions::<api::LeaveGroupRequest>(&api::LeaveGroupResponse::default().with_members(vec![
            leave_group_response::MemberResponse::default().with_member_id(text("m")),
        ])),
        versions::<api::ConsumerGroupHeartbeatRequest>(&heartbeat()),
        versions::<api::OffsetCommitRequest>(&committed()),
        versions::<api::OffsetFetchRequest>(&offsets()),
        versions::<api::OffsetFetchRequest>(&offsets_of_groups()),
        versions::<api::ListOffsetsRequest>(&listed()),
        versions::<api::FetchRequest>(&fetched()),
        versions::<api::ProduceRequest>(&produced()),
        versions::<api::InitProducerIdRequest>(
            &api::InitProducerIdResponse::default().with_throttle_time_ms(throttled),
        ),
        versions::<api::ListGroupsRequest>(&api::ListGroupsResponse::default().with_groups(vec![
            list_groups_response::ListedGroup::default().with_group_id(group()),
        ])),
        versions::<api::DescribeGroupsRequest>(&described()),
        versions::<api::ConsumerGroupDescribeRequest>(&described_consumers()),
        versions::<api::DeleteRecordsRequest>(&deleted()),
        versions::<api::DescribeLogDirsRequest>(&sizes()),
    ]
    .concat()
}

fn group() -> api::GroupId {
    api::GroupId(text("group"))
}

fn api_versions() -> api::ApiVersionsResponse {
    let offer = |key| {
        api_versions_response::ApiVersion::default().with_api_key(key).with_max_version(i16::MAX)
    };
    api::ApiVersionsResponse::default().with_api_keys((0..60).map(offer).collect())
}

pub(crate) fn metadata() -> api::MetadataResponse {
    use metadata_response::{
        MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
    };
    let broker = |id: i32| {
        MetadataResponseBroker::default()
            .with_node_id(id.into())
            .with_host(text("::1"))
            .with_port(9_092)
    };
    let partition = |at| {
        MetadataResponsePartition::default()
            .with_partition_index(at)
            .with_leader_id(1_000_001.into())
            .with_replica_nodes(vec![1.into(), 2.into()])
            .with_isr_nodes(vec![1.into()])
    };
    let topic = MetadataResponseTopic::default()
        .with_name(Some(topic_name("t")))
        .with_topic_id(Uuid::from_u128(0))
        .with_partitions((0..3).map(partition).collect());
    api::MetadataResponse::default()
        .with_brokers(vec![broker(1), broker(1_000_001)])
        .with_controller_id(1.into())
        .with_topics(vec![topic.clone(), topic.with_error_code(3)])
}

pub(crate) fn coordinator() -> api::FindCoordinatorResponse {
    api::FindCoordinatorResponse::default()
        .with_node_id(1.into())
        .with_host(text("localhost"))
        .with_port(9_092)
}

pub(crate) fn coordinators() -> api::FindCoordinatorResponse {
    let one = find_coordinator_response::Coordinator::default()
        .with_key(text("group"))
        .with_node_id(1.into())
        .with_host(text("localhost"))
        .with_port(9_092);
    api::FindCoordinatorResponse::default().with_coordinators(vec![one.clone(), one])
}

/// Of a round that `m` leads.
pub(crate) fn joined() -> api::JoinGroupResponse {
    use join_group_response::JoinGroupResponseMember;
    let owned = [TopicPartition::new("t", 0), TopicPartition::new("u", 3)].into();
    let metadata = wire::subscription(&["t".into(), "u".into()], &owned, 7);
    let member = |id| {
        JoinGroupResponseMember::default().with_member_id(text(id)).with_metadata(metadata.clone())
    };
    api::JoinGroupResponse::default()
        .with_generation_id(8)
        .with_protocol_name(Some(text("cooperative-sticky")))
        .with_leader(text("m"))
        .with_member_id(text("m"))
        .with_members(vec![member("m"), member("n")])
}

pub(crate) fn synced() -> api::SyncGroupResponse {
    let share = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)].into();
    api::SyncGroupResponse::default().with_assignment(wire::assignment(&share))
}

pub(crate) fn heartbeat() -> api::ConsumerGroupHeartbeatResponse {
    use consumer_group_heartbeat_response::{Assignment, TopicPartitions};
    let topic =
        TopicPartitions::default().with_topic_id(Uuid::from_u128(1)).with_partitions(vec![0, 1, 2]);
    api::ConsumerGroupHeartbeatResponse::default()
        .with_member_id(Some(text("m")))
        .with_member_epoch(3)
        .with_heartbeat_interval_ms(5_000)
        .with_assignment(Some(Assignment::default().with_topic_partitions(vec![topic])))
}

fn committed() -> api::OffsetCommitResponse {
    use offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
    let partition = OffsetCommitResponsePartition::default().with_partition_index(1);
    let topic = OffsetCommitResponseTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![partition.clone(), partition.with_error_code(25)]);
    api::OffsetCommitResponse::default().with_topics(vec![topic])
}

pub(crate) fn offsets() -> api::OffsetFetchResponse {
    use offset_fetch_response::{OffsetFetchResponsePartition, OffsetFetchResponseTopic};
    let partition = OffsetFetchResponsePartition::default().with_committed_offset(i64::MAX);
    let topic = OffsetFetchResponseTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![partition]);
    api::OffsetFetchResponse::default().with_topics(vec![topic])
}

pub(crate) fn offsets_of_groups() -> api::OffsetFetchResponse {
    use offset_fetch_response::{
        OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
    };
    let partition = OffsetFetchResponsePartitions::default().with_committed_offset(-1);
    let topic = OffsetFetchResponseTopics::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![partition]);
    let group = OffsetFetchResponseGroup::default().with_group_id(group()).with_topics(vec![topic]);
    api::OffsetFetchResponse::default().with_groups(vec![group])
}

pub(crate) fn listed() -> api::ListOffsetsResponse {
    use list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
    let topic = ListOffsetsTopicResponse::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![ListOffsetsPartitionResponse::default().with_offset(7)]);
    api::ListOffsetsResponse::default().with_topics(vec![topic])
}

pub(crate) fn fetched() -> api::FetchResponse {
    use fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData};
    let record = NewRecord {
        value: Some(Bytes::from_static(b"value")),
        headers: vec![(Bytes::from_static(b"name"), None)],
        ..NewRecord::default()
    };
    let plain = batch::encode(std::slice::from_ref(&record), Compression::None, Sequence::NONE);
    let mut packed = batch::encode(&[record], Compression::Gzip, Sequence::NONE).to_vec();
    packed[..8].copy_from_slice(&1_i64.to_be_bytes());
    let data = PartitionData::default()
        .with_high_watermark(2)
        .with_aborted_transactions(Some(vec![AbortedTransaction::default()]))
        .with_records(Some([&plain[..], &packed].concat().into()));
    let topic = FetchableTopicResponse::default().with_partitions(vec![data]);
    api::FetchResponse::default().with_responses(vec![topic])
}

pub(crate) fn produced() -> api::ProduceResponse {
    use produce_response::{PartitionProduceResponse, TopicProduceResponse};
    let topic = TopicProduceResponse::default()
        .with_partition_responses(vec![PartitionProduceResponse::default().with_base_offset(7)]);
    api::ProduceResponse::default().with_responses(vec![topic])
}

pub(crate) fn described() -> api::DescribeGroupsResponse {
    use describe_groups_response::{DescribedGroup, DescribedGroupMember};
    let (joined, synced) = (joined(), synced());
    let member = DescribedGroupMember::default()
        .with_member_id(text("m"))
        .with_member_metadata(joined.members[0].metadata.clone())
        .with_member_assignment(synced.assignment);
    let group = DescribedGroup::default()
        .with_group_id(group())
        .with_group_state(text("Stable"))
        .with_members(vec![member]);
    api::DescribeGroupsResponse::default().with_groups(vec![group])
}

pub(crate) fn described_consumers() -> api::ConsumerGroupDescribeResponse {
    use consumer_group_describe_response::{Assignment, DescribedGroup, Member, TopicPartitions};
    let topic =
        TopicPartitions::default().with_topic_name(topic_name("t")).with_partitions(vec![0]);
    let assignment = Assignment::default().with_topic_partitions(vec![topic]);
    let member = Member::default()
        .with_member_id(text("m"))
        .with_assignment(assignment.clone())
        .with_target_assignment(assignment);
    let group = DescribedGroup::default().with_group_id(group()).with_members(vec![member]);
    api::ConsumerGroupDescribeResponse::default().with_groups(vec![group])
}

fn deleted() -> api::DeleteRecordsResponse {
    use delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
    let topic = DeleteRecordsTopicResult::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![DeleteRecordsPartitionResult::default()]);
    api::DeleteRecordsResponse::default().with_topics(vec![topic])
}

pub(crate) fn sizes() -> api::DescribeLogDirsResponse {
    use describe_log_dirs_response::{
        DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
    };
    let topic = DescribeLogDirsTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![DescribeLogDirsPartition::default().with_partition_size(-1)]);
    let disk = DescribeLogDirsResult::default().with_log_dir(text("/d")).with_topics(vec![topic]);
    api::DescribeLogDirsResponse::default().with_results(vec![disk])
}
