//! `CreateTopics` 2-7, `DeleteTopics` 1-6 (in another shape at 6), `DeleteRecords` 0-2 and
//! `DescribeLogDirs` 1-4.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, DescribeLogDirsRequest, DescribeLogDirsResponse,
    TopicName,
};

use super::{Call, Serve, topic_name};

/// How many partitions a topic has if the client leaves it to the broker.
const DEFAULT_PARTITIONS: usize = 1;

impl Serve for CreateTopicsRequest {
    async fn serve(self, call: &Call) -> CreateTopicsResponse {
        call.with(|state| {
            let topics = self.topics.iter().map(|topic| {
                let result = CreatableTopicResult::default().with_name(topic.name.clone());
                if state.topics.contains_key(topic.name.as_str()) {
                    return result.with_error_code(ResponseError::TopicAlreadyExists.code());
                }
                if self.validate_only {
                    return result;
                }
                let partitions =
                    usize::try_from(topic.num_partitions).unwrap_or(DEFAULT_PARTITIONS);
                let id = state.add_topic(&topic.name, partitions);
                result.with_topic_id(id).with_num_partitions(i32::try_from(partitions).unwrap())
            });
            CreateTopicsResponse::default().with_topics(topics.collect())
        })
    }

    fn refuse(&self, error: i16, _: &Call) -> CreateTopicsResponse {
        let topics = self.topics.iter().map(|topic| {
            CreatableTopicResult::default().with_name(topic.name.clone()).with_error_code(error)
        });
        CreateTopicsResponse::default().with_topics(topics.collect())
    }
}

impl Serve for DeleteRecordsRequest {
    async fn serve(self, call: &Call) -> DeleteRecordsResponse {
        call.with(|state| {
            let topics = self.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|asked| {
                    let found = state.partition(call.node(), &topic.name, asked.partition_index);
                    let deleted = found.map(|partition| {
                        let to = if asked.offset == -1 { partition.next } else { asked.offset };
                        partition.delete_before(to);
                        to
                    });
                    DeleteRecordsPartitionResult::default()
                        .with_partition_index(asked.partition_index)
                        .with_error_code(super::code(&deleted))
                        .with_low_watermark(deleted.unwrap_or(-1))
                });
                DeleteRecordsTopicResult::default()
                    .with_name(topic.name.clone())
                    .with_partitions(partitions.collect())
            });
            DeleteRecordsResponse::default().with_topics(topics.collect())
        })
    }

    fn refuse(&self, error: i16, _: &Call) -> DeleteRecordsResponse {
        let topics = self.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                DeleteRecordsPartitionResult::default()
                    .with_partition_index(asked.partition_index)
                    .with_error_code(error)
            });
            DeleteRecordsTopicResult::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect())
        });
        DeleteRecordsResponse::default().with_topics(topics.collect())
    }
}

impl Serve for DeleteTopicsRequest {
    async fn serve(self, call: &Call) -> DeleteTopicsResponse {
        let by_state = self.topics.iter().filter_map(|topic| topic.name.clone());
        let names: Vec<TopicName> = by_state.chain(self.topic_names.iter().cloned()).collect();
        call.with(|state| {
            let responses = names.into_iter().map(|name| {
                let found = state.remove_topic(&name).ok_or(ResponseError::UnknownTopicOrPartition);
                DeletableTopicResult::default()
                    .with_name(Some(name))
                    .with_error_code(super::code(&found))
            });
            DeleteTopicsResponse::default().with_responses(responses.collect())
        })
    }

    fn refuse(&self, error: i16, _: &Call) -> DeleteTopicsResponse {
        let names = self.topics.iter().map(|topic| topic.name.clone());
        let names = names.chain(self.topic_names.iter().cloned().map(Some));
        let responses = names
            .map(|name| DeletableTopicResult::default().with_name(name).with_error_code(error));
        DeleteTopicsResponse::default().with_responses(responses.collect())
    }
}

impl Serve for DescribeLogDirsRequest {
    async fn serve(self, call: &Call) -> DescribeLogDirsResponse {
        call.with(|state| {
            let topics = state.topics.iter().map(|(name, topic)| {
                let own =
                    topic.partitions.iter().zip(0..).filter(|(is, _)| is.leader == call.node());
                let partitions = own.map(|(partition, index)| {
                    DescribeLogDirsPartition::default()
                        .with_partition_index(index)
                        .with_partition_size(partition.bytes())
                });
                DescribeLogDirsTopic::default()
                    .with_name(topic_name(name))
                    .with_partitions(partitions.collect())
            });
            let folder = DescribeLogDirsResult::default().with_topics(topics.collect());
            DescribeLogDirsResponse::default().with_results(vec![folder])
        })
    }

    fn refuse(&self, error: i16, _: &Call) -> DescribeLogDirsResponse {
        let folder = DescribeLogDirsResult::default().with_error_code(error);
        DescribeLogDirsResponse::default().with_error_code(error).with_results(vec![folder])
    }
}
