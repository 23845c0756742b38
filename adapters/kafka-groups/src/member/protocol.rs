//! Which protocol a member speaks, and what it brings into it.

use std::sync::Arc;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::pause::{Pauses, seed};
use super::{GroupProtocol, GroupSettings, coordinator};
use crate::cluster::Cluster;
use crate::membership::classic::Classic;
use crate::membership::consumer::Consumer;
use crate::membership::{Membership, Terms};

/// Whether to speak the protocol of KIP-848; asked until there is an answer.
pub(super) async fn speaks_consumer(cluster: &Cluster, settings: &GroupSettings) -> bool {
    match settings.protocol {
        GroupProtocol::Consumer => return true,
        GroupProtocol::Classic => return false,
        GroupProtocol::Auto => {}
    }
    let mut pauses = Pauses::new();
    loop {
        match coordinator::offers_consumer(cluster, &settings.group).await {
            Ok(offers) => return offers,
            Err(error) => {
                tracing::debug!(group = settings.group, ?error, "the coordinator is not found");
                cluster.forget_coordinator(&settings.group);
                pauses.pause().await;
            }
        }
    }
}

pub(super) fn machine(settings: &GroupSettings, is_consumer: bool) -> Box<dyn Membership> {
    let terms = Terms {
        group: settings.group.clone(),
        topics: settings.topics.iter().map(|topic| Arc::from(topic.as_str())).collect(),
        instance: settings.instance_id.clone(),
        session_timeout: settings.session_timeout,
        rebalance_timeout: settings.rebalance_timeout,
        heartbeat_interval: settings.heartbeat_interval,
        seed: seed(),
    };
    let now = Instant::now();
    if is_consumer {
        Box::new(Consumer::new(terms, member_id(), now))
    } else {
        Box::new(Classic::new(terms, settings.assignors.clone(), now))
    }
}

pub(super) fn member_id() -> Uuid {
    let bytes = (u128::from(seed()) << 64) | u128::from(seed());
    uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
}

/// How many partitions a topic has; `None` if there is no such topic. The leader of a round cannot
/// do without the answer, and the round's end bounds the repetition.
pub(super) async fn counted(cluster: &Cluster, topic: &str) -> Option<i32> {
    let mut pauses = Pauses::new();
    loop {
        match cluster.topic(topic).await {
            Ok(info) => return i32::try_from(info.partitions.len()).ok(),
            Err(error) if error.is_retriable() => sleep(pauses.next()).await,
            Err(error) => {
                tracing::warn!(topic, ?error, "a topic that a member reads cannot be counted");
                return None;
            }
        }
    }
}
