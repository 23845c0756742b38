//! `Fetch` 4-18: topics by name up to 12, by id from 13 on. No fetch sessions (KIP-227): each answer
//! carries session 0, which tells the client that none was made.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use tokio::time::{Instant, timeout_at};

use super::{Call, Serve};
use crate::broker::state::State;

const BY_ID: i16 = 13;

impl Serve for FetchRequest {
    async fn serve(self, call: &Call) -> FetchResponse {
        if self.session_id != 0 {
            return self.refuse(ResponseError::FetchSessionIdNotFound.code(), call);
        }
        let wait = Duration::from_millis(u64::try_from(self.max_wait_ms).unwrap_or(0));
        let deadline = Instant::now() + wait;
        let worth = |answer: &FetchResponse| {
            let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
            let length = |is: &PartitionData| is.records.as_ref().map_or(0, Bytes::len);
            let filled: usize = partitions.clone().map(length).sum();
            let enough = usize::try_from(self.min_bytes).unwrap_or(0);
            filled >= enough || partitions.any(|is| is.error_code != 0)
        };
        let filled = call.shared.until(|state| Some(read(state, &self, call)).filter(worth));
        match timeout_at(deadline, filled).await {
            Ok(answer) => answer,
            Err(_) => call.with(|state| read(state, &self, call)),
        }
    }

    fn refuse(&self, error: i16, call: &Call) -> FetchResponse {
        if call.origin.version >= 7 && self.session_id != 0 {
            return FetchResponse::default().with_error_code(error);
        }
        let topics = self.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| failed(asked.partition, error));
            answer(topic).with_partitions(partitions.collect())
        });
        FetchResponse::default().with_responses(topics.collect())
    }
}

fn answer(topic: &FetchTopic) -> FetchableTopicResponse {
    FetchableTopicResponse::default().with_topic(topic.topic.clone()).with_topic_id(topic.topic_id)
}

fn failed(partition: i32, error: i16) -> PartitionData {
    PartitionData::default()
        .with_partition_index(partition)
        .with_error_code(error)
        .with_high_watermark(-1)
}

fn read(state: &mut State, request: &FetchRequest, call: &Call) -> FetchResponse {
    let topics = request.topics.iter().map(|topic| {
        let name = if call.origin.version >= BY_ID {
            let found = state.topic_by_id(topic.topic_id).map(|(name, _)| name.clone());
            found.ok_or(ResponseError::UnknownTopicId)
        } else {
            Ok(topic.topic.to_string())
        };
        let partitions = topic.partitions.iter().map(|asked| {
            let read = name.as_ref().map_err(|error| *error);
            read.and_then(|name| partition(state, call.node(), name, asked))
                .unwrap_or_else(|error| failed(asked.partition, error.code()))
        });
        answer(topic).with_partitions(partitions.collect())
    });
    FetchResponse::default().with_responses(topics.collect())
}

fn partition(
    state: &mut State,
    node: i32,
    name: &str,
    asked: &FetchPartition,
) -> Result<PartitionData, ResponseError> {
    let partition = state.partition(node, name, asked.partition)?;
    let from = asked.fetch_offset;
    let data = PartitionData::default()
        .with_partition_index(asked.partition)
        .with_high_watermark(partition.next)
        .with_last_stable_offset(partition.next)
        .with_log_start_offset(partition.start);
    if from < partition.start || from > partition.next {
        let error = ResponseError::OffsetOutOfRange.code();
        return Ok(data.with_error_code(error));
    }
    let most = usize::try_from(asked.partition_max_bytes).unwrap_or(0);
    Ok(data.with_records(Some(partition.read(from, most))))
}
