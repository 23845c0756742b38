//! What may happen to a membership, likely or not.

use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, JoinGroupRequest, SyncGroupRequest};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::connection::damage;

pub(super) const TOPIC: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

/// What may happen to a membership.
#[derive(Debug, Clone)]
pub(super) enum Happens {
    /// Whatever is due is done, so much later.
    Later(Duration),
    Answer(Reply),
    /// To a request that is not waited for any more.
    Stale(Reply),
    NoAnswer,
    Names(Vec<Uuid>),
    Counts(Option<Vec<i32>>),
    Release(Vec<Index>),
    Renamed(u128),
    Hurry,
    Leave,
}

/// An answer, whatever was asked.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// Of the kind that was asked for.
    Refusal(i16),
    Any(Answer),
    /// As a coordinator would answer that means well.
    Fit {
        leads: bool,
        epoch: i32,
        given: Vec<i32>,
    },
}

fn reply() -> impl Strategy<Value = Reply> {
    let codes = prop_oneof![
        3 => select(vec![22, 25, 27, 110, 111, 112, 16, 15, 14, 79, 82, 30, 35, 113]),
        1 => any::<i16>(),
    ];
    let joined = damage::damaged::<JoinGroupRequest>(&damage::samples::joined());
    let synced = damage::damaged::<SyncGroupRequest>(&damage::samples::synced());
    let heartbeat = damage::damaged::<ConsumerGroupHeartbeatRequest>(&damage::samples::heartbeat());
    let given = vec(0..6_i32, 0..5);
    prop_oneof![
        2 => codes.prop_map(Reply::Refusal),
        1 => joined.prop_filter_map("decoded", |a| Some(Reply::Any(Answer::Join(a?.1)))),
        1 => synced.prop_filter_map("decoded", |a| Some(Reply::Any(Answer::Sync(a?.1)))),
        1 => heartbeat
            .prop_filter_map("decoded", |a| Some(Reply::Any(Answer::ConsumerHeartbeat(a?.1)))),
        6 => (any::<bool>(), 1..9_i32, given)
            .prop_map(|(leads, epoch, given)| Reply::Fit { leads, epoch, given }),
    ]
}

pub(super) fn happens() -> impl Strategy<Value = Happens> {
    let later = prop_oneof![0..200_u64, 0..10_000_u64, 0..100_000_u64];
    let ids = vec(select(vec![TOPIC, OTHER, Uuid::from_u128(9)]), 0..3);
    prop_oneof![
        8 => later.prop_map(|ms| Happens::Later(Duration::from_millis(ms))),
        10 => reply().prop_map(Happens::Answer),
        1 => reply().prop_map(Happens::Stale),
        1 => Just(Happens::NoAnswer),
        2 => ids.prop_map(Happens::Names),
        2 => option::of(vec(-1..8_i32, 2)).prop_map(Happens::Counts),
        3 => vec(any::<Index>(), 1..4).prop_map(Happens::Release),
        1 => any::<u128>().prop_map(Happens::Renamed),
        1 => Just(Happens::Hurry),
        1 => Just(Happens::Leave),
    ]
}

/// The reply as an answer to what was asked.
pub(super) fn fit(request: &Request, reply: Reply) -> Answer {
    let (code, leads, epoch, given) = match reply {
        Reply::Any(answer) => return answer,
        Reply::Refusal(code) => (code, false, 0, Vec::new()),
        Reply::Fit { leads, epoch, given } => (0, leads, epoch, given),
    };
    match request {
        Request::ConsumerHeartbeat(_) => {
            let mut answer = damage::samples::heartbeat();
            if let Some(assignment) = &mut answer.assignment {
                assignment.topic_partitions[0].partitions = given;
                if leads {
                    assignment.topic_partitions[0].topic_id = OTHER;
                }
            }
            Answer::ConsumerHeartbeat(answer.with_member_epoch(epoch).with_error_code(code))
        }
        Request::Join(_) => {
            let leader = if leads { "m" } else { "n" };
            let answer = damage::samples::joined().with_leader(crate::topic::text(leader));
            Answer::Join(answer.with_generation_id(epoch).with_error_code(code))
        }
        Request::Sync(_) => {
            let given = given.into_iter().map(|at| TopicPartition::new("t", at)).collect();
            let answer = SyncGroupResponse::default().with_assignment(wire::assignment(&given));
            Answer::Sync(answer.with_error_code(code))
        }
        Request::Heartbeat(_) => {
            Answer::Heartbeat(HeartbeatResponse::default().with_error_code(code))
        }
        Request::Leave(_) => Answer::Leave(LeaveGroupResponse::default().with_error_code(code)),
    }
}
