//! Who coordinates a group.

use std::collections::HashMap;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{ApiKey, FindCoordinatorRequest, FindCoordinatorResponse};
use kafka_protocol::protocol::StrBytes;

use super::metadata::address;
use super::{Cluster, Lease};
use crate::error::{KafkaError, Result};

/// The first version that takes several groups ([KIP-699]).
///
/// [KIP-699]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-699%3A+Update+FindCoordinator+to+resolve+multiple+Coordinators+at+a+time
const BATCHED: i16 = 4;
const GROUP: i8 = 0;

impl Cluster {
    /// A connection to the coordinator of the group.
    ///
    /// # Errors
    /// `COORDINATOR_NOT_AVAILABLE`, which repeating can help, while one is elected.
    pub async fn lease_coordinator(&self, group: &str) -> Result<Lease> {
        let broker = self.coordinators(&[group]).await?[group];
        self.lease(broker).await
    }

    /// Forgets who coordinates the group: it said that it does not, or did not answer.
    pub fn forget_coordinator(&self, group: &str) {
        self.known().forget_coordinator(group);
    }

    /// The brokers that coordinate these groups, from what is known or asked.
    pub(crate) async fn coordinators(&self, groups: &[&str]) -> Result<HashMap<String, i32>> {
        let (mut found, missing) = self.known_coordinators(groups);
        if missing.is_empty() {
            return Ok(found);
        }
        let mut lease = self.lease_any().await?;
        let version = lease.version::<FindCoordinatorRequest>()?;
        let asks: Vec<&[&str]> =
            if version >= BATCHED { vec![&missing] } else { missing.chunks(1).collect() };
        for ask in asks {
            let answer = lease.request_at(version, &request(ask, version), Duration::ZERO).await?;
            for (group, broker, address) in read(answer, ask)? {
                self.known().learn_coordinator(&group, broker, address);
                found.insert(group, broker);
            }
        }
        if groups.iter().all(|group| found.contains_key(*group)) {
            Ok(found)
        } else {
            Err(KafkaError::corrupt("an answer about coordinators lacks a group"))
        }
    }

    fn known_coordinators<'a>(&self, groups: &[&'a str]) -> (HashMap<String, i32>, Vec<&'a str>) {
        let known = self.known();
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for group in groups {
            match known.coordinator(group) {
                Some(broker) => drop(found.insert((*group).to_owned(), broker)),
                None => missing.push(*group),
            }
        }
        (found, missing)
    }
}

fn request(groups: &[&str], version: i16) -> FindCoordinatorRequest {
    let mut keys = groups.iter().map(|group| StrBytes::from_string((*group).to_owned()));
    let request = FindCoordinatorRequest::default().with_key_type(GROUP);
    if version >= BATCHED {
        request.with_coordinator_keys(keys.collect())
    } else {
        request.with_key(keys.next_back().unwrap_or_default())
    }
}

/// Group, broker and its address.
pub(super) fn read(
    answer: FindCoordinatorResponse,
    asked: &[&str],
) -> Result<Vec<(String, i32, String)>> {
    let single = Coordinator::default()
        .with_error_code(answer.error_code)
        .with_node_id(answer.node_id)
        .with_host(answer.host)
        .with_port(answer.port);
    let coordinators = match asked {
        [group] if answer.coordinators.is_empty() => {
            vec![single.with_key(StrBytes::from_string((*group).to_owned()))]
        }
        _ => answer.coordinators,
    };
    let read = |coordinator: Coordinator| {
        if let Some(error) = ResponseError::try_from_code(coordinator.error_code) {
            return Err(KafkaError::refused(ApiKey::FindCoordinator, error));
        }
        let at = address(&coordinator.host, coordinator.port);
        Ok((coordinator.key.to_string(), *coordinator.node_id, at))
    };
    coordinators.into_iter().map(read).collect()
}
