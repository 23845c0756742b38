//! The classic protocol: joining, syncing, and what its coordinator refuses.

use kafka_groups::{Assignor, GroupProtocol, GroupSettings, KafkaError};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupHeartbeatRequest, HeartbeatRequest, JoinGroupRequest, OffsetCommitRequest,
    SyncGroupRequest,
};

use crate::broker::{Fault, Seen};
use crate::stage::{GROUP, Player, Stage, TOPIC, at, terms};

fn terms_of(assignor: Assignor) -> GroupSettings {
    let mut terms = terms();
    terms.assignors = vec![assignor];
    terms
}

async fn member(stage: &Stage, assignor: Assignor) -> Player {
    stage.join_as(terms_of(assignor)).await.unwrap()
}

/// Two members that share four partitions, and what the first one was told to revoke meanwhile.
async fn share(stage: &Stage, assignor: Assignor) -> (Player, Player, usize) {
    let mut one = member(stage, assignor).await;
    one.settle().await;
    let first = async {
        let going = one.revoking().await;
        one.member.release(&going);
        one.settle().await;
        going.len()
    };
    let second = async {
        let mut two = member(stage, assignor).await;
        two.settle().await;
        two
    };
    let (revoked, two) = tokio::join!(first, second);
    (one, two, revoked)
}

#[tokio::test]
async fn it_is_chosen_where_the_broker_knows_nothing_else() {
    let stage = Stage::classic(1, 1).await;
    let _player = stage.join().await;
    assert!(stage.broker.seen::<ConsumerGroupHeartbeatRequest>().is_empty());
    let joins = stage.broker.seen::<JoinGroupRequest>();
    let ids: Vec<_> = joins.iter().map(|join| join.request.member_id.is_empty()).collect();
    assert_eq!(ids, [true, false], "the id it was given is used to join");
}

#[tokio::test]
async fn it_can_be_forced_on_a_broker_that_knows_better() {
    let stage = Stage::consumer(1, 1).await;
    stage.write(0, 1);
    let mut terms = terms();
    terms.protocol = GroupProtocol::Classic;
    let mut player = stage.join_as(terms).await.unwrap();
    assert_eq!(player.work(1).await, ["0:0"]);
    assert!(stage.broker.seen::<ConsumerGroupHeartbeatRequest>().is_empty());
}

#[tokio::test]
async fn with_range_everything_is_given_up_before_it_is_shared_out() {
    let stage = Stage::classic(1, 4).await;
    let (_one, _two, revoked) = share(&stage, Assignor::Range).await;
    assert_eq!(revoked, 4);
}

#[tokio::test]
async fn with_cooperative_sticky_only_what_moves_is_given_up() {
    let stage = Stage::classic(1, 4).await;
    let (mut one, mut two, revoked) = share(&stage, Assignor::CooperativeSticky).await;
    assert_eq!(revoked, 2);
    for partition in 0..4 {
        stage.write(partition, 1);
    }
    let (one, two) = tokio::join!(one.work(2), two.work(2));
    let mut all = [one, two].concat();
    all.sort();
    assert_eq!(all, ["0:0", "1:0", "2:0", "3:0"]);
}

#[tokio::test]
async fn the_other_member_gets_everything_when_one_leaves() {
    for assignor in [Assignor::Range, Assignor::CooperativeSticky] {
        let stage = Stage::classic(1, 4).await;
        let (one, mut two, _) = share(&stage, assignor).await;
        drop(one);
        for partition in 0..4 {
            stage.write(partition, 1);
        }
        let mut all = two.work(4).await;
        all.sort();
        assert_eq!(all, ["0:0", "1:0", "2:0", "3:0"]);
    }
}

#[tokio::test]
async fn a_member_that_does_not_join_again_in_time_is_out() {
    let stage = Stage::classic(1, 2).await;
    stage.write(0, 1);
    stage.write(1, 1);
    let mut slow = member(&stage, Assignor::Range).await;
    let batches = [slow.records().await, slow.records().await];
    let fast = async {
        let mut fast = member(&stage, Assignor::Range).await;
        fast.work(2).await
    };
    let late = async {
        // It is told, but goes on with what it has.
        slow.revoking().await;
        stage.broker.until_members(GROUP, 2).await;
        stage.broker.expire_absent(GROUP);
        slow.lost().await;
        for (place, batch) in &batches {
            let refused = slow.commit(place, batch).await;
            assert!(matches!(refused, Err(KafkaError::Fenced)), "{refused:?}");
        }
        // It has come back in the background, and would share.
        drop(slow);
    };
    let (mut values, ()) = tokio::join!(fast, late);
    values.sort();
    assert_eq!(values, ["0:0", "1:0"]);
}

#[tokio::test]
async fn a_refused_heartbeat_is_reacted_to_by_its_reason() {
    for (error, is_lost) in [
        (ResponseError::IllegalGeneration, true),
        (ResponseError::UnknownMemberId, true),
        (ResponseError::NotCoordinator, false),
        (ResponseError::CoordinatorNotAvailable, false),
        (ResponseError::CoordinatorLoadInProgress, false),
    ] {
        let stage = Stage::classic(1, 1).await;
        stage.write(0, 1);
        let mut player = stage.join().await;
        assert_eq!(player.work(1).await, ["0:0"]);
        stage.broker.fault::<HeartbeatRequest>(Fault::Refuse(error)).set();
        if error == ResponseError::UnknownMemberId {
            stage.broker.forget_members(GROUP);
        }
        if is_lost {
            assert_eq!(player.lost().await, [at(TOPIC, 0)], "{error:?}");
        }
        let mark = stage.broker.mark();
        stage.write(0, 1);
        assert_eq!(player.work(1).await, ["0:1"]);
        let beats = |beat: &Seen<HeartbeatRequest>| beat.arrived > mark && beat.answered.is_some();
        stage.broker.wait(beats).await;
    }
}

#[tokio::test]
async fn an_unknown_id_is_not_used_again_but_a_fenced_generation_keeps_its_id() {
    for (error, keeps) in
        [(ResponseError::IllegalGeneration, true), (ResponseError::UnknownMemberId, false)]
    {
        let stage = Stage::classic(1, 1).await;
        let mut player = stage.join().await;
        let mark = stage.broker.mark();
        stage.broker.fault::<HeartbeatRequest>(Fault::Refuse(error)).set();
        player.lost().await;
        let back = stage.broker.wait_since::<JoinGroupRequest>(mark).await;
        assert_eq!(!back.request.member_id.is_empty(), keeps, "{error:?}");
    }
}

#[tokio::test]
async fn a_sync_that_is_refused_starts_over() {
    for error in [ResponseError::RebalanceInProgress, ResponseError::NotCoordinator] {
        let stage = Stage::classic(1, 1).await;
        stage.write(0, 1);
        stage.broker.fault::<SyncGroupRequest>(Fault::Refuse(error)).set();
        stage.broker.fault::<SyncGroupRequest>(Fault::DropBefore).set();
        let mut player = stage.join().await;
        assert_eq!(player.work(1).await, ["0:0"]);
    }
}

#[tokio::test]
async fn a_commit_during_a_rebalance_is_repeated() {
    let stage = Stage::classic(1, 1).await;
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    let busy = Fault::Refuse(ResponseError::RebalanceInProgress);
    stage.broker.fault::<OffsetCommitRequest>(busy).set();
    player.commit(&place, &batch).await.unwrap();
    assert_eq!(stage.committed(0), Some(1));
}

#[tokio::test]
async fn members_without_a_common_assignor_do_not_share_a_group() {
    let stage = Stage::classic(1, 1).await;
    let _one = member(&stage, Assignor::Range).await;
    let terms = terms_of(Assignor::CooperativeSticky);
    let refused = stage.join_as(terms).await.err().and_then(|error| error.refusal());
    assert_eq!(refused, Some(ResponseError::InconsistentGroupProtocol));
}

#[tokio::test]
async fn old_versions_of_the_protocol_are_spoken() {
    let stage = Stage::classic(1, 2).await;
    stage.broker.advertise(ApiKey::JoinGroup, Some((0, 3)));
    stage.broker.advertise(ApiKey::SyncGroup, Some((0, 2)));
    stage.broker.advertise(ApiKey::Heartbeat, Some((0, 2)));
    stage.broker.advertise(ApiKey::LeaveGroup, Some((0, 2)));
    stage.broker.advertise(ApiKey::OffsetCommit, Some((2, 5)));
    stage.broker.advertise(ApiKey::OffsetFetch, Some((1, 6)));
    stage.write(0, 1);
    stage.write(1, 1);
    let mut player = stage.join().await;
    assert_eq!(player.work(2).await.len(), 2);
    player.member.leave().await.unwrap();
    assert!(stage.broker.members(GROUP).is_empty());
}
