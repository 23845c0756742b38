//! Which protocol a member speaks, and what it brings into it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::pause::{Pauses, seed};
use super::{GroupProtocol, GroupSettings, coordinator};
use crate::cluster::Cluster;
use crate::error::{KafkaError, Result};
use crate::membership::classic::Classic;
use crate::membership::consumer::Consumer;
use crate::membership::{Membership, Terms};

/// Whether to speak the protocol of KIP-848; asked until there is an answer.
///
/// # Errors
/// What repeating does not help.
pub(super) async fn speaks_consumer(cluster: &Cluster, settings: &GroupSettings) -> Result<bool> {
    match settings.protocol {
        GroupProtocol::Consumer => return Ok(true),
        GroupProtocol::Classic => return Ok(false),
        GroupProtocol::Auto => {}
    }
    let mut pauses = Pauses::new();
    loop {
        match coordinator::offers_consumer(cluster, &settings.group).await {
            Ok(offers) => return Ok(offers),
            Err(error) if !is_passing(&error) => return Err(error),
            Err(error) => {
                tracing::debug!(group = settings.group, ?error, "the coordinator is not found");
                cluster.forget_coordinator(&settings.group);
                pauses.pause().await;
            }
        }
    }
}

/// Whether asking the coordinator again can help. What came garbled may have been damaged on its way.
pub(super) fn is_passing(error: &KafkaError) -> bool {
    error.is_retriable() || matches!(error, KafkaError::Corrupt(_))
}

/// # Errors
/// If there is no chance to make a member id of.
pub(super) fn machine(settings: &GroupSettings, is_consumer: bool) -> Result<Box<dyn Membership>> {
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
    Ok(if is_consumer {
        Box::new(Consumer::new(terms, member_id()?, now))
    } else {
        Box::new(Classic::new(terms, settings.assignors.clone(), now))
    })
}

/// An id that no other member has: two with the same one are one member to the coordinator.
pub(super) fn member_id() -> Result<Uuid> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(KafkaError::unavailable)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// How many partitions the topics have; those that do not exist are left out. `None` if the cluster
/// does not tell for so long.
pub(super) async fn counts(
    cluster: &Cluster,
    topics: Vec<Arc<str>>,
    longest: Duration,
) -> Option<BTreeMap<Arc<str>, i32>> {
    let counting = async {
        let mut counts = BTreeMap::new();
        for topic in topics {
            if let Some(count) = counted(cluster, &topic).await {
                counts.insert(topic, count);
            }
        }
        counts
    };
    timeout(longest, counting).await.ok()
}

/// How many partitions a topic has; `None` if there is no such topic. The leader of a round cannot
/// do without the answer.
async fn counted(cluster: &Cluster, topic: &str) -> Option<i32> {
    let mut pauses = Pauses::new();
    loop {
        match cluster.topic(topic).await {
            Ok(info) => return i32::try_from(info.partitions.len()).ok(),
            Err(error) if is_passing(&error) => sleep(pauses.next()).await,
            Err(error) => {
                tracing::warn!(topic, ?error, "a topic that a member reads cannot be counted");
                return None;
            }
        }
    }
}
