//! What an error means for a membership of KIP-848.

use kafka_protocol::error::ResponseError::{
    self, CoordinatorLoadInProgress, CoordinatorNotAvailable, FencedInstanceId, FencedMemberEpoch,
    GroupIdNotFound, NotCoordinator, StaleMemberEpoch, UnknownMemberId, UnknownServerError,
    UnreleasedInstanceId,
};

/// What was asked with a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Epoch 0: to be let in.
    Join,
    /// To stay in.
    Stay,
    /// To be let out.
    Leave,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask again after a pause.
    Retry,
    /// Ask again after a pause, whoever coordinates by then.
    FindCoordinator,
    /// Everything is lost; come back with epoch 0.
    Rejoin,
    /// Everything is lost; the coordinator remembers this id in a way that keeps it from coming
    /// back (KAFKA-19233): come back with another one.
    RejoinRenamed,
    /// An earlier process with the same static name has not been given up yet: ask again for as
    /// long as that can take.
    AwaitInstance,
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
        (Asked::Join, FencedMemberEpoch | StaleMemberEpoch | UnknownMemberId) => {
            Verdict::RejoinRenamed
        }
        // A group that was deleted knows no members either; joining makes it anew.
        (Asked::Stay, FencedMemberEpoch | StaleMemberEpoch | UnknownMemberId | GroupIdNotFound) => {
            Verdict::Rejoin
        }
        (Asked::Join, UnreleasedInstanceId) => Verdict::AwaitInstance,
        // Two processes with one static name would throw each other out in turns (KAFKA-16815).
        (Asked::Join | Asked::Stay, FencedInstanceId) => Verdict::Fail,
        (Asked::Join | Asked::Stay, error) if error.is_retriable() => Verdict::Retry,
        // A broker's bug of the moment; the session's end bounds the repetition.
        (Asked::Join | Asked::Stay, UnknownServerError) => Verdict::Retry,
        // GROUP_MAX_SIZE_REACHED, INVALID_REQUEST, UNSUPPORTED_ASSIGNOR, UNSUPPORTED_VERSION,
        // INVALID_GROUP_ID, the authorization errors and whatever has no place here.
        (Asked::Join | Asked::Stay, _) => Verdict::Fail,
    }
}
