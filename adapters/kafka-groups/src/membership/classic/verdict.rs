//! What an error means for a membership of the classic protocol.

use kafka_protocol::error::ResponseError::{
    self, CoordinatorLoadInProgress, CoordinatorNotAvailable, FencedInstanceId, IllegalGeneration,
    MemberIdRequired, NotCoordinator, RebalanceInProgress, UnknownMemberId, UnknownServerError,
};

use crate::membership::Answer;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Join,
    Sync,
    Heartbeat,
    Leave,
}

impl Asked {
    pub(super) fn is_answered_by(self, answer: &Answer) -> bool {
        match answer {
            Answer::Join(_) => self == Self::Join,
            Answer::Sync(_) => self == Self::Sync,
            Answer::Heartbeat(_) => self == Self::Heartbeat,
            Answer::Leave(_) => self == Self::Leave,
            Answer::ConsumerHeartbeat(_) => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask again after a pause.
    Retry,
    /// Ask again after a pause, whoever coordinates by then.
    FindCoordinator,
    /// Join again with the id that came with the answer (KIP-394).
    JoinAs,
    /// Join again; what is owned stays so until the next assignment.
    Rejoin,
    /// A later generation owns the partitions: they are lost. Join again.
    RejoinWithout,
    /// The coordinator does not know the member: everything is lost, also its id. Join again.
    JoinAnew,
    /// It was let out, or was not in.
    Gone,
    /// Nothing helps.
    Fail,
}

pub(super) fn verdict(asked: Asked, error: ResponseError) -> Verdict {
    match (asked, error) {
        (_, NotCoordinator | CoordinatorNotAvailable) => Verdict::FindCoordinator,
        (_, CoordinatorLoadInProgress) => Verdict::Retry,
        (Asked::Leave, error) if error.is_retriable() => Verdict::Retry,
        (Asked::Leave, _) => Verdict::Gone,
        (Asked::Join, MemberIdRequired) => Verdict::JoinAs,
        (_, RebalanceInProgress) => Verdict::Rejoin,
        (_, IllegalGeneration) => Verdict::RejoinWithout,
        (_, UnknownMemberId) => Verdict::JoinAnew,
        // Two processes with one static name would throw each other out in turns (KAFKA-16815).
        (_, FencedInstanceId) => Verdict::Fail,
        (_, error) if error.is_retriable() => Verdict::Retry,
        // A broker's bug of the moment. A sync must not be repeated alone: its round may be over.
        (Asked::Sync, UnknownServerError) => Verdict::Rejoin,
        (_, UnknownServerError) => Verdict::Retry,
        // INCONSISTENT_GROUP_PROTOCOL, INVALID_SESSION_TIMEOUT, INVALID_GROUP_ID,
        // GROUP_MAX_SIZE_REACHED, the authorization errors and whatever has no place here.
        (_, _) => Verdict::Fail,
    }
}
