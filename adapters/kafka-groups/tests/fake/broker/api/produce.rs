//! `Produce` 3-13: topics by name up to 12, by id at 13.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::TopicProduceData;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::{Call, Serve};
use crate::broker::state::State;

impl Serve for ProduceRequest {
    async fn serve(self, call: &Call) -> ProduceResponse {
        call.with(|state| {
            let topics = self.topic_data.iter().map(|topic| append(state, call, topic));
            ProduceResponse::default().with_responses(topics.collect())
        })
    }

    fn refuse(&self, error: i16, _: &Call) -> ProduceResponse {
        let topics = self.topic_data.iter().map(|topic| {
            let partitions = topic.partition_data.iter().map(|data| {
                PartitionProduceResponse::default()
                    .with_index(data.index)
                    .with_error_code(error)
                    .with_base_offset(-1)
            });
            answer(topic).with_partition_responses(partitions.collect())
        });
        ProduceResponse::default().with_responses(topics.collect())
    }
}

fn answer(topic: &TopicProduceData) -> TopicProduceResponse {
    TopicProduceResponse::default().with_name(topic.name.clone()).with_topic_id(topic.topic_id)
}

fn append(state: &mut State, call: &Call, topic: &TopicProduceData) -> TopicProduceResponse {
    let name = match call.origin.version {
        13 => state.topic_by_id(topic.topic_id).map(|(name, _)| name.clone()),
        _ => Some(topic.name.to_string()),
    };
    let partitions = topic.partition_data.iter().map(|data| {
        let found = name.as_ref().ok_or(ResponseError::UnknownTopicId);
        let found = found.and_then(|name| state.partition(call.node(), name, data.index));
        let appended =
            found.map(|partition| partition.append(&data.records.clone().unwrap_or_default()));
        PartitionProduceResponse::default()
            .with_index(data.index)
            .with_error_code(super::code(&appended))
            .with_base_offset(appended.unwrap_or(-1))
    });
    answer(topic).with_partition_responses(partitions.collect())
}
