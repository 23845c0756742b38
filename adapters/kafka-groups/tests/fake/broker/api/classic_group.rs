//! `JoinGroup` 0-9 (a new member is sent back for its id from 4 on, static members from 5 on, a leader
//! may be told to skip assigning at 9), `SyncGroup` 0-5, `Heartbeat` 0-4, `LeaveGroup` 0-5 (several
//! members from 3 on).

use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{Call, Serve, code, text};
use crate::broker::classic::{ClassicGroup, Joiner, Phase};

fn string(text: Option<&StrBytes>) -> Option<String> {
    text.map(ToString::to_string)
}

impl Serve for JoinGroupRequest {
    async fn serve(self, call: &Call) -> JoinGroupResponse {
        let joiner = Joiner {
            id: self.member_id.to_string(),
            instance: string(self.group_instance_id.as_ref()),
            client: call.client.clone(),
            protocols: self
                .protocols
                .iter()
                .map(|protocol| (protocol.name.to_string(), protocol.metadata.clone()))
                .collect(),
            needs_id: call.origin.version >= 4,
        };
        let entered = call.with(|state| {
            let new_id = format!("{}-{}", call.client, state.new_id());
            let unknown = |error| (error, String::new());
            let group = state.group(call.node(), &self.group_id).map_err(unknown)?;
            group.classic().map_err(unknown)?.join(joiner, new_id)
        });
        let id = match entered {
            Ok(id) => id,
            Err((error, id)) => {
                return self.refuse(error.code(), call).with_member_id(text(id));
            }
        };
        let answer = call.shared.until(|state| {
            let group = match state.group(call.node(), &self.group_id).and_then(|is| is.classic()) {
                Ok(group) => group,
                Err(error) => return Some(self.refuse(error.code(), call)),
            };
            group.joined(&id).map(|joined| match joined {
                Ok(()) => joined_answer(group, &id, call.origin.version),
                Err(error) => self.refuse(error.code(), call),
            })
        });
        answer.await
    }

    fn refuse(&self, error: i16, _: &Call) -> JoinGroupResponse {
        JoinGroupResponse::default()
            .with_error_code(error)
            .with_generation_id(-1)
            .with_protocol_name(Some(StrBytes::new()))
            .with_member_id(self.member_id.clone())
    }
}

fn joined_answer(group: &ClassicGroup, id: &str, version: i16) -> JoinGroupResponse {
    let settled = group.phase == Phase::Stable;
    let leads = group.leader == id;
    // Before version 9 a static leader that is back cannot be told to skip assigning: it is told
    // that somebody else leads.
    let leader = if leads && settled && version < 9 { "" } else { &group.leader };
    let members = group.members.iter().map(|(id, member)| {
        let metadata = member.protocols.iter().find(|(name, _)| *name == group.protocol);
        JoinGroupResponseMember::default()
            .with_member_id(text(id))
            .with_group_instance_id(member.instance.as_ref().map(text))
            .with_metadata(metadata.unwrap().1.clone())
    });
    JoinGroupResponse::default()
        .with_generation_id(group.generation)
        .with_protocol_type(Some(text("consumer")))
        .with_protocol_name(Some(text(&group.protocol)))
        .with_leader(text(leader))
        .with_skip_assignment(leads && settled && version >= 9)
        .with_member_id(text(id))
        .with_members(if leads && leader == id { members.collect() } else { Vec::new() })
}

impl Serve for SyncGroupRequest {
    async fn serve(self, call: &Call) -> SyncGroupResponse {
        let assignments =
            self.assignments.iter().map(|is| (is.member_id.to_string(), is.assignment.clone()));
        let entered = call.with(|state| {
            let group = state.group(call.node(), &self.group_id)?.classic()?;
            group.check(&self.member_id, self.group_instance_id.as_deref())?;
            group.sync(&self.member_id, self.generation_id, assignments);
            Ok(())
        });
        if let Err(error) = entered {
            return self.refuse(ResponseError::code(&error), call);
        }
        let synced = call.shared.until(|state| {
            let group = state.group(call.node(), &self.group_id).and_then(|is| is.classic());
            match group {
                Ok(group) => group.synced(&self.member_id, self.generation_id),
                Err(error) => Some(Err(error)),
            }
        });
        match synced.await {
            Ok(assignment) => SyncGroupResponse::default()
                .with_protocol_type(self.protocol_type.clone())
                .with_protocol_name(self.protocol_name.clone())
                .with_assignment(assignment),
            Err(error) => self.refuse(error.code(), call),
        }
    }

    fn refuse(&self, error: i16, _: &Call) -> SyncGroupResponse {
        SyncGroupResponse::default().with_error_code(error)
    }
}

impl Serve for HeartbeatRequest {
    async fn serve(self, call: &Call) -> HeartbeatResponse {
        let alive = call.with(|state| {
            let group = state.group(call.node(), &self.group_id)?.classic()?;
            group.heartbeat(&self.member_id, self.generation_id, self.group_instance_id.as_deref())
        });
        HeartbeatResponse::default().with_error_code(code(&alive))
    }

    fn refuse(&self, error: i16, _: &Call) -> HeartbeatResponse {
        HeartbeatResponse::default().with_error_code(error)
    }
}

impl Serve for LeaveGroupRequest {
    async fn serve(self, call: &Call) -> LeaveGroupResponse {
        let outcome = call.with(|state| {
            let group = state.group(call.node(), &self.group_id)?.classic()?;
            if call.origin.version < 3 {
                group.leave(&self.member_id, None)?;
                return Ok(Vec::new());
            }
            let each = self.members.iter().map(|member| {
                let left = group.leave(&member.member_id, member.group_instance_id.as_deref());
                MemberResponse::default()
                    .with_member_id(member.member_id.clone())
                    .with_group_instance_id(member.group_instance_id.clone())
                    .with_error_code(code(&left))
            });
            Ok(each.collect())
        });
        match outcome {
            Ok(members) => LeaveGroupResponse::default().with_members(members),
            Err(error) => self.refuse(ResponseError::code(&error), call),
        }
    }

    fn refuse(&self, error: i16, _: &Call) -> LeaveGroupResponse {
        LeaveGroupResponse::default().with_error_code(error)
    }
}
