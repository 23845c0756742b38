//! Membership in a group as state machines, without sockets and without a clock: they are told what
//! happened and when, and say what to send and what it means for the member. The task around them
//! is in [`crate::member`].
//!
//! [`consumer`] is the protocol of KIP-848, in which the coordinator assigns; [`classic`] is the one
//! before it, in which a member does.

pub(crate) mod assignor;
pub(crate) mod backoff;
pub(crate) mod classic;
pub(crate) mod consumer;
mod holdings;
pub(crate) mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, HeartbeatRequest,
    HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    SyncGroupRequest, SyncGroupResponse,
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::topic::TopicPartition;

/// Tells an answer to the latest request from one that comes late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(pub(crate) u64);

/// A request to the coordinator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    ConsumerHeartbeat(ConsumerGroupHeartbeatRequest),
    Join(JoinGroupRequest),
    Sync(SyncGroupRequest),
    Heartbeat(HeartbeatRequest),
    Leave(LeaveGroupRequest),
}

/// What the coordinator answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    ConsumerHeartbeat(ConsumerGroupHeartbeatResponse),
    Join(JoinGroupResponse),
    Sync(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    Leave(LeaveGroupResponse),
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart as soon as it is made")]
pub(crate) enum Step {
    /// Ask the coordinator; whatever was asked before is not waited for any more.
    Send(Ticket, Request),
    /// Nothing until something happens or, if there is one, this moment comes.
    Wait(Option<Instant>),
    /// The membership has ended.
    Over,
}

/// What a step meant for the member.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// It is in. Whether it is to get something is not known yet.
    LetIn,
    /// It is in, and knows its first assignment.
    Joined,
    /// It owns these from now on.
    Assigned(Vec<TopicPartition>),
    /// It must finish with these and release them.
    Revoking(Vec<TopicPartition>),
    /// These are not its own any more.
    Lost(Vec<TopicPartition>),
    /// Topic ids whose names are to be found: [`Membership::named`].
    Name(Vec<Uuid>),
    /// Topics whose partitions are to be counted for a generation: [`Membership::counted`]. What was
    /// to be counted before is not waited for any more.
    Count(i32, Vec<Arc<str>>),
    /// Another member id is needed: [`Membership::renamed`].
    NewId,
    /// The coordinator is to be looked for again.
    FindCoordinator,
    /// The membership failed for good.
    Failed(ResponseError),
}

/// Who the coordinator takes the member for; commits are checked against it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// Its id.
    pub(crate) member: String,
    /// Its epoch (KIP-848) or generation (classic). Not above 0 in KIP-848, negative in classic:
    /// not a member now.
    pub(crate) epoch: i32,
    /// Whether the epoch is good for commits: between joining and the assignment it is not.
    pub(crate) is_firm: bool,
    /// Whether the coordinator knows it by its id: in KIP-848 it has let it in, in the classic protocol
    /// it may still be waiting in a round.
    pub(crate) has_id: bool,
}

/// What both protocols need to know.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) group: String,
    pub(crate) topics: Vec<Arc<str>>,
    pub(crate) instance: Option<String>,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    /// Between two heartbeats (classic; in KIP-848 the coordinator says it).
    pub(crate) heartbeat_interval: Duration,
    /// Spreads pauses, so that members do not return all at once.
    pub(crate) seed: u64,
}

/// One membership, in either protocol.
pub(crate) trait Membership: Send {
    /// What to do now. To be asked again after whatever else is called here.
    fn step(&mut self, now: Instant) -> Step;
    /// The coordinator answered.
    fn answered(&mut self, ticket: Ticket, answer: Answer, now: Instant);
    /// No answer came, or none that can be read.
    fn failed(&mut self, ticket: Ticket, now: Instant);
    /// Names of topic ids asked for with [`Change::Name`]. Those that are missing are asked for
    /// again later.
    fn named(&mut self, names: &HashMap<Uuid, Arc<str>>, now: Instant);
    /// Partition counts asked for with [`Change::Count`]; `None` if they cannot be had. Topics without
    /// are left out.
    fn counted(&mut self, generation: i32, counts: Option<BTreeMap<Arc<str>, i32>>, now: Instant);
    /// Another member id, asked for with [`Change::NewId`].
    fn renamed(&mut self, id: Uuid, now: Instant);
    /// The member gave these up. What it was not told to is passed over.
    fn release(&mut self, partitions: &[TopicPartition], now: Instant);
    /// The coordinator seems to know better: ask it soon.
    fn hurry(&mut self, now: Instant);
    /// The member wants to leave.
    fn leave(&mut self, now: Instant);
    /// What happened since the last call, in order.
    fn take_changes(&mut self) -> Vec<Change>;
    /// Who the coordinator takes it for.
    fn standing(&self) -> Standing;
}

/// A request that was not answered yet.
#[derive(Debug, Clone)]
struct Flight<T> {
    ticket: Ticket,
    asked: T,
    sent: Instant,
}

#[cfg(test)]
mod tests;
