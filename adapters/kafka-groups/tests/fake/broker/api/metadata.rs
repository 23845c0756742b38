//! `Metadata` 0-13 (topic ids from 10 on) and `FindCoordinator` 0-6 (several keys from 4 on).

use kafka_protocol::ResponseError;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest, MetadataResponse,
};

use super::{Call, Serve, broker_id, text, topic_name};
use crate::broker::state::State;
use crate::broker::topics::Topic;

const HOST: &str = "127.0.0.1";

impl Serve for MetadataRequest {
    async fn serve(self, call: &Call) -> MetadataResponse {
        let all_when_empty = call.origin.version == 0;
        call.with(|state| {
            let topics = match &self.topics {
                Some(asked) if !(asked.is_empty() && all_when_empty) => {
                    asked.iter().map(|topic| find(state, topic)).collect()
                }
                _ => {
                    let shown =
                        state.topics.iter().filter(|(name, _)| !state.hidden.contains(*name));
                    shown.map(|(name, topic)| show(name, topic)).collect()
                }
            };
            let brokers = state.nodes.iter().map(|node| {
                MetadataResponseBroker::default()
                    .with_node_id(broker_id(node.id))
                    .with_host(text(HOST))
                    .with_port(i32::from(node.port))
            });
            MetadataResponse::default()
                .with_brokers(brokers.collect())
                .with_cluster_id(Some(text("fake")))
                .with_controller_id(broker_id(1))
                .with_topics(topics)
        })
    }

    fn refuse(&self, error: i16, _: &Call) -> MetadataResponse {
        let topics = self.topics.iter().flatten().map(|topic| {
            MetadataResponseTopic::default()
                .with_error_code(error)
                .with_name(topic.name.clone())
                .with_topic_id(topic.topic_id)
        });
        MetadataResponse::default().with_topics(topics.collect())
    }
}

fn find(state: &State, asked: &MetadataRequestTopic) -> MetadataResponseTopic {
    let found = match &asked.name {
        Some(name) => state.topics.get_key_value(name.as_str()),
        None => state.topic_by_id(asked.topic_id),
    };
    if let Some((name, topic)) = found.filter(|(name, _)| !state.hidden.contains(*name)) {
        return show(name, topic);
    }
    let error = match asked.name {
        Some(_) => ResponseError::UnknownTopicOrPartition,
        None => ResponseError::UnknownTopicId,
    };
    MetadataResponseTopic::default()
        .with_error_code(error.code())
        .with_name(asked.name.clone())
        .with_topic_id(asked.topic_id)
}

fn show(name: &str, topic: &Topic) -> MetadataResponseTopic {
    let partitions = topic.partitions.iter().zip(0..).map(|(partition, index)| {
        let leader = broker_id(partition.leader);
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(leader)
            .with_leader_epoch(0)
            .with_replica_nodes(vec![leader])
            .with_isr_nodes(vec![leader])
    });
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(name)))
        .with_topic_id(topic.id)
        .with_partitions(partitions.collect())
}

impl Serve for FindCoordinatorRequest {
    async fn serve(self, call: &Call) -> FindCoordinatorResponse {
        call.with(|state| {
            if call.origin.version < 4 {
                let node = state.coordinator(&self.key);
                return FindCoordinatorResponse::default()
                    .with_node_id(broker_id(node.id))
                    .with_host(text(HOST))
                    .with_port(i32::from(node.port));
            }
            let coordinators = self.coordinator_keys.iter().map(|key| {
                let node = state.coordinator(key);
                Coordinator::default()
                    .with_key(key.clone())
                    .with_node_id(broker_id(node.id))
                    .with_host(text(HOST))
                    .with_port(i32::from(node.port))
            });
            FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
        })
    }

    fn refuse(&self, error: i16, call: &Call) -> FindCoordinatorResponse {
        let nobody = broker_id(-1);
        if call.origin.version < 4 {
            return FindCoordinatorResponse::default().with_error_code(error).with_node_id(nobody);
        }
        let coordinators = self.coordinator_keys.iter().map(|key| {
            Coordinator::default().with_key(key.clone()).with_node_id(nobody).with_error_code(error)
        });
        FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
    }
}
