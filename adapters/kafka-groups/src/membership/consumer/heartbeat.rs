//! What a heartbeat says.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::ConsumerGroupHeartbeatRequest;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::{Asked, Consumer, IdPlace};

pub(super) const JOIN: i32 = 0;
const LEAVE: i32 = -1;
/// Leaves for the time being: the static name keeps its partitions until the session ends.
const LEAVE_STATIC: i32 = -2;

impl Consumer {
    /// Only what changed is sent, unless the coordinator may know nothing.
    pub(super) fn request(
        &self,
        as_what: Asked,
        owned: &BTreeSet<IdPlace>,
    ) -> ConsumerGroupHeartbeatRequest {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        let epoch = match as_what {
            Asked::Join => JOIN,
            Asked::Stay => self.epoch,
            Asked::Leave if self.terms.instance.is_some() => LEAVE_STATIC,
            Asked::Leave => LEAVE,
        };
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(text(&self.terms.group).into())
            .with_member_id(text(&self.id.to_string()))
            .with_instance_id(self.terms.instance.as_deref().map(text))
            .with_member_epoch(epoch)
            .with_rebalance_timeout_ms(-1);
        if as_what == Asked::Leave {
            return request;
        }
        let is_full = as_what == Asked::Join || self.told.is_none();
        let request = if is_full {
            let timeout = self.terms.rebalance_timeout.as_millis();
            let topics = self.terms.topics.iter().map(|topic| text(topic).into()).collect();
            request
                .with_rebalance_timeout_ms(i32::try_from(timeout).unwrap_or(i32::MAX))
                .with_subscribed_topic_names(Some(topics))
        } else {
            request
        };
        let is_told = !is_full && self.told.as_ref() == Some(owned);
        request.with_topic_partitions((!is_told).then(|| by_topic(owned)))
    }
}

fn by_topic(places: &BTreeSet<IdPlace>) -> Vec<TopicPartitions> {
    let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for (id, partition) in places {
        topics.entry(*id).or_default().push(*partition);
    }
    let topic =
        |(id, partitions)| TopicPartitions::default().with_topic_id(id).with_partitions(partitions);
    topics.into_iter().map(topic).collect()
}
