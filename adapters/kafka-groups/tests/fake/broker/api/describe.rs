//! `ListGroups` 0-5, `DescribeGroups` 0-6 (an unknown group is an error at 6, dead before) and
//! `ConsumerGroupDescribe` 0-1. Each describes only the groups of its own protocol.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_describe_response as described;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribeGroupsRequest,
    DescribeGroupsResponse, GroupId, ListGroupsRequest, ListGroupsResponse,
};

use super::{Call, Serve, text, topic_name};
use crate::broker::classic::ClassicGroup;
use crate::broker::consumer::{ConsumerGroup, Share};
use crate::broker::group::Members;
use crate::broker::state::State;

const HOST: &str = "/127.0.0.1";

impl Serve for ListGroupsRequest {
    async fn serve(self, call: &Call) -> ListGroupsResponse {
        call.with(|state| {
            let own =
                state.groups.iter().filter(|(name, _)| state.coordinator(name).id == call.node());
            let groups = own.map(|(name, group)| {
                let (kind, phase) = match &group.members {
                    Members::Nobody => ("classic", "Empty"),
                    Members::Consumer(group) => ("consumer", group.phase()),
                    Members::Classic(group) => ("classic", group.phase_name()),
                };
                ListedGroup::default()
                    .with_group_id(GroupId(text(name)))
                    .with_protocol_type(text("consumer"))
                    .with_group_state(text(phase))
                    .with_group_type(text(kind))
            });
            ListGroupsResponse::default().with_groups(groups.collect())
        })
    }

    fn refuse(&self, error: i16, _: &Call) -> ListGroupsResponse {
        ListGroupsResponse::default().with_error_code(error)
    }
}

impl Serve for DescribeGroupsRequest {
    async fn serve(self, call: &Call) -> DescribeGroupsResponse {
        call.with(|state| {
            let groups = self.groups.iter().map(|id| {
                let described = DescribedGroup::default().with_group_id(id.clone());
                if state.coordinator(id).id != call.node() {
                    return described.with_error_code(ResponseError::NotCoordinator.code());
                }
                match state.groups.get(id.as_str()).map(|group| &group.members) {
                    Some(Members::Classic(group)) => classic(described, group),
                    _ if call.origin.version < 6 => described.with_group_state(text("Dead")),
                    _ => described
                        .with_group_state(text("Dead"))
                        .with_error_code(ResponseError::GroupIdNotFound.code()),
                }
            });
            DescribeGroupsResponse::default().with_groups(groups.collect())
        })
    }

    fn refuse(&self, error: i16, _: &Call) -> DescribeGroupsResponse {
        let groups = self
            .groups
            .iter()
            .map(|id| DescribedGroup::default().with_group_id(id.clone()).with_error_code(error));
        DescribeGroupsResponse::default().with_groups(groups.collect())
    }
}

fn classic(described: DescribedGroup, group: &ClassicGroup) -> DescribedGroup {
    let members = group.members.iter().map(|(id, member)| {
        let metadata = member.protocols.iter().find(|(name, _)| *name == group.protocol);
        DescribedGroupMember::default()
            .with_member_id(text(id))
            .with_group_instance_id(member.instance.as_ref().map(text))
            .with_client_id(text(&member.client))
            .with_client_host(text(HOST))
            .with_member_metadata(metadata.map(|(_, bytes)| bytes.clone()).unwrap_or_default())
            .with_member_assignment(member.assignment.clone())
    });
    described
        .with_group_state(text(group.phase_name()))
        .with_protocol_type(text("consumer"))
        .with_protocol_data(text(&group.protocol))
        .with_members(members.collect())
}

impl Serve for ConsumerGroupDescribeRequest {
    async fn serve(self, call: &Call) -> ConsumerGroupDescribeResponse {
        call.with(|state| {
            let groups = self.group_ids.iter().map(|id| {
                let shown = described::DescribedGroup::default().with_group_id(id.clone());
                if state.coordinator(id).id != call.node() {
                    return shown.with_error_code(ResponseError::NotCoordinator.code());
                }
                match state.groups.get(id.as_str()).map(|group| &group.members) {
                    Some(Members::Consumer(group)) => consumer(state, shown, group),
                    _ => shown.with_error_code(ResponseError::GroupIdNotFound.code()),
                }
            });
            ConsumerGroupDescribeResponse::default().with_groups(groups.collect())
        })
    }

    fn refuse(&self, error: i16, _: &Call) -> ConsumerGroupDescribeResponse {
        let groups = self.group_ids.iter().map(|id| {
            described::DescribedGroup::default().with_group_id(id.clone()).with_error_code(error)
        });
        ConsumerGroupDescribeResponse::default().with_groups(groups.collect())
    }
}

fn consumer(
    state: &State,
    shown: described::DescribedGroup,
    group: &ConsumerGroup,
) -> described::DescribedGroup {
    let members = group.members.iter().map(|(id, member)| {
        described::Member::default()
            .with_member_id(text(id))
            .with_instance_id(member.instance.as_ref().map(text))
            .with_member_epoch(member.epoch)
            .with_client_id(text(&member.client))
            .with_client_host(text(HOST))
            .with_subscribed_topic_names(
                member.topics.iter().map(|name| topic_name(name)).collect(),
            )
            .with_assignment(assignment(state, &member.assigned))
            .with_target_assignment(assignment(state, &member.target))
            .with_member_type(1)
    });
    shown
        .with_group_state(text(group.phase()))
        .with_group_epoch(group.epoch)
        .with_assignment_epoch(group.epoch)
        .with_assignor_name(text("uniform"))
        .with_members(members.collect())
}

fn assignment(state: &State, share: &Share) -> described::Assignment {
    let mut topics: Vec<described::TopicPartitions> = Vec::new();
    for &(id, partition) in share {
        if let Some(topic) = topics.last_mut().filter(|topic| topic.topic_id == id) {
            topic.partitions.push(partition);
            continue;
        }
        // Kafka leaves out what was deleted.
        if let Some((name, _)) = state.topic_by_id(id) {
            let topic = described::TopicPartitions::default();
            let named = topic.with_topic_id(id).with_topic_name(topic_name(name));
            topics.push(named.with_partitions(vec![partition]));
        }
    }
    described::Assignment::default().with_topic_partitions(topics)
}
