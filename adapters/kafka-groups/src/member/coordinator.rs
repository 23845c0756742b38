//! Asking the group's coordinator.

use std::time::Duration;

use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, LeaveGroupRequest};
use tokio::time::timeout;

use crate::cluster::{Cluster, Lease};
use crate::error::{KafkaError, Result};
use crate::membership::{Answer, Request};

/// The first version in which several members leave at once.
const LEAVE_MANY: i16 = 3;

/// Asks over a connection that nothing else uses meanwhile. `rebalance` is how long a round of
/// joining may take.
pub(super) async fn ask(
    cluster: Cluster,
    group: String,
    request: Request,
    rebalance: Duration,
) -> Result<Answer> {
    let settings = cluster.settings();
    // The coordinator answers once all members have joined, and once the leader has assigned.
    let is_round = matches!(request, Request::Join(_) | Request::Sync(_));
    let wait = if is_round { rebalance } else { Duration::ZERO };
    // To find the coordinator, to connect to it, and to be answered.
    let longest = settings.request_timeout * 2 + settings.connect_timeout + wait;
    let asking = async {
        let mut lease = cluster.lease_coordinator(&group).await?;
        send(&mut lease, request, wait).await
    };
    match timeout(longest, asking).await {
        Ok(answer) => answer,
        Err(late) => Err(KafkaError::unavailable(late)),
    }
}

async fn send(lease: &mut Lease, request: Request, wait: Duration) -> Result<Answer> {
    Ok(match request {
        Request::ConsumerHeartbeat(request) => {
            Answer::ConsumerHeartbeat(lease.request(&request, wait).await?)
        }
        Request::Join(request) => Answer::Join(lease.request(&request, wait).await?),
        Request::Sync(request) => Answer::Sync(lease.request(&request, wait).await?),
        Request::Heartbeat(request) => Answer::Heartbeat(lease.request(&request, wait).await?),
        Request::Leave(request) => {
            let version = lease.version::<LeaveGroupRequest>()?;
            let request = if version < LEAVE_MANY { leave_alone(request) } else { request };
            Answer::Leave(lease.request_at(version, &request, wait).await?)
        }
    })
}

fn leave_alone(mut request: LeaveGroupRequest) -> LeaveGroupRequest {
    let member = request.members.pop().map(|member| member.member_id).unwrap_or_default();
    request.with_member_id(member).with_members(Vec::new())
}

/// Whether the coordinator speaks the protocol of KIP-848.
pub(super) async fn offers_consumer(cluster: &Cluster, group: &str) -> Result<bool> {
    let lease = cluster.lease_coordinator(group).await?;
    Ok(lease.versions::<ConsumerGroupHeartbeatRequest>().is_some())
}
