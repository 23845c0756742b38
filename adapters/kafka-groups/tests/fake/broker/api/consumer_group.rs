//! `ConsumerGroupHeartbeat` 0-1 (KIP-848). At version 1 the member makes its own id; at version 0 one
//! that joins without gets one.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};

use super::{Call, Serve, text};
use crate::broker::consumer::{Answer, Beat, Share};
use crate::broker::state::State;

/// Short, so that tests are: what a member must do at once does not wait for it.
const INTERVAL_MS: i32 = 50;

impl Serve for ConsumerGroupHeartbeatRequest {
    async fn serve(self, call: &Call) -> ConsumerGroupHeartbeatResponse {
        let outcome = call.with(|state| {
            let beat = self.read(call, state)?;
            let catalogue = catalogue(state);
            let no_rejoin = state.no_rejoin;
            let group = state.group(call.node(), &self.group_id)?.consumer()?;
            let answer = group.heartbeat(&beat, &catalogue, no_rejoin)?;
            Ok((beat.member, answer))
        });
        match outcome {
            Ok((member, Answer { epoch, assignment })) => ConsumerGroupHeartbeatResponse::default()
                .with_member_id(Some(text(member)))
                .with_member_epoch(epoch)
                .with_heartbeat_interval_ms(INTERVAL_MS)
                .with_assignment(assignment.as_ref().map(show)),
            Err(error) => self.refuse(ResponseError::code(&error), call),
        }
    }

    fn refuse(&self, error: i16, _: &Call) -> ConsumerGroupHeartbeatResponse {
        ConsumerGroupHeartbeatResponse::default()
            .with_error_code(error)
            .with_error_message(Some(text("refused by the fake")))
    }
}

trait Read {
    fn read(&self, call: &Call, state: &mut State) -> Result<Beat, ResponseError>;
}

impl Read for ConsumerGroupHeartbeatRequest {
    fn read(&self, call: &Call, state: &mut State) -> Result<Beat, ResponseError> {
        let mut member = self.member_id.to_string();
        if member.is_empty() {
            if call.origin.version > 0 || self.member_epoch != 0 {
                return Err(ResponseError::InvalidRequest);
            }
            member = state.new_id().to_string();
        }
        let joins = self.member_epoch == 0;
        let nothing_owned = self.topic_partitions.as_ref().is_some_and(Vec::is_empty);
        if joins && (!nothing_owned || self.rebalance_timeout_ms <= 0) {
            return Err(ResponseError::InvalidRequest);
        }
        let topics = self.subscribed_topic_names.as_ref();
        let topics = topics.map(|all| all.iter().map(|name| name.to_string()).collect());
        let owned = self.topic_partitions.as_ref().map(|all| {
            let of = |topic: &kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions| {
                let id = topic.topic_id;
                topic.partitions.iter().map(move |&partition| (id, partition)).collect::<Vec<_>>()
            };
            all.iter().flat_map(of).collect::<Share>()
        });
        let full = self.rebalance_timeout_ms != -1
            && owned.is_some()
            && self.subscribed_topic_names.is_some();
        Ok(Beat {
            member,
            epoch: self.member_epoch,
            instance: self.instance_id.as_ref().map(ToString::to_string),
            client: call.client.clone(),
            topics,
            owned,
            full,
        })
    }
}

fn catalogue(state: &State) -> Vec<(String, uuid::Uuid, usize)> {
    let topics = state.topics.iter();
    topics.map(|(name, topic)| (name.clone(), topic.id, topic.partitions.len())).collect()
}

fn show(share: &Share) -> Assignment {
    let mut topics: Vec<TopicPartitions> = Vec::new();
    for &(id, partition) in share {
        match topics.last_mut().filter(|topic| topic.topic_id == id) {
            Some(topic) => topic.partitions.push(partition),
            None => topics.push(
                TopicPartitions::default().with_topic_id(id).with_partitions(vec![partition]),
            ),
        }
    }
    Assignment::default().with_topic_partitions(topics)
}
