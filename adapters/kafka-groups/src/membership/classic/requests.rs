//! What is sent to the coordinator.

use std::time::Duration;

use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;
use tokio::time::Instant;

use super::{Asked, Classic};
use crate::membership::{Flight, Request, Step, Ticket, wire};

/// The name of the protocol that consumers speak among themselves.
const CONSUMERS: &str = "consumer";

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

impl Classic {
    pub(super) fn send(&mut self, asked: Asked, now: Instant) -> Step {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.flight = Some(Flight { ticket, asked, sent: now });
        let request = match asked {
            Asked::Join => {
                self.claimed = self.holdings.owned().clone();
                Request::Join(self.join_request())
            }
            Asked::Sync => Request::Sync(self.sync_request()),
            Asked::Heartbeat => Request::Heartbeat(self.heartbeat_request()),
            Asked::Leave => Request::Leave(self.leave_request()),
        };
        Step::Send(ticket, request)
    }

    fn instance(&self) -> Option<StrBytes> {
        self.terms.instance.as_deref().map(text)
    }

    fn join_request(&self) -> JoinGroupRequest {
        let owned = self.holdings.owned();
        let metadata = wire::subscription(&self.terms.topics, owned, self.owned_since);
        let protocol = |assignor: &super::Assignor| {
            JoinGroupRequestProtocol::default()
                .with_name(text(assignor.name()))
                .with_metadata(metadata.clone())
        };
        JoinGroupRequest::default()
            .with_group_id(text(&self.terms.group).into())
            .with_session_timeout_ms(millis(self.terms.session_timeout))
            .with_rebalance_timeout_ms(millis(self.terms.rebalance_timeout))
            .with_member_id(text(&self.member))
            .with_group_instance_id(self.instance())
            .with_protocol_type(text(CONSUMERS))
            .with_protocols(self.assignors.iter().map(protocol).collect())
    }

    fn sync_request(&self) -> SyncGroupRequest {
        let share = |(member, bytes): &(String, bytes::Bytes)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(text(member))
                .with_assignment(bytes.clone())
        };
        SyncGroupRequest::default()
            .with_group_id(text(&self.terms.group).into())
            .with_generation_id(self.generation)
            .with_member_id(text(&self.member))
            .with_group_instance_id(self.instance())
            .with_protocol_type(Some(text(CONSUMERS)))
            .with_protocol_name(self.assignor.map(|assignor| text(assignor.name())))
            .with_assignments(self.shares.iter().map(share).collect())
    }

    fn heartbeat_request(&self) -> HeartbeatRequest {
        HeartbeatRequest::default()
            .with_group_id(text(&self.terms.group).into())
            .with_generation_id(self.generation)
            .with_member_id(text(&self.member))
            .with_group_instance_id(self.instance())
    }

    /// As of version 3, in which several may leave at once; before it, whoever sends it moves the
    /// one id to where it belongs.
    fn leave_request(&self) -> LeaveGroupRequest {
        let leaving = MemberIdentity::default().with_member_id(text(&self.member));
        LeaveGroupRequest::default()
            .with_group_id(text(&self.terms.group).into())
            .with_members(vec![leaving])
    }
}
