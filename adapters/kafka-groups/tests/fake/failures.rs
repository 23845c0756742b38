//! What a member does while brokers, connections and logs fail, in both protocols.

use kafka_groups::{GroupProtocol, KafkaError};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, FetchRequest, FindCoordinatorRequest, HeartbeatRequest,
    JoinGroupRequest, ListOffsetsRequest, OffsetCommitRequest, OffsetFetchRequest,
};
use tokio::time::{Instant, sleep, timeout};

use crate::broker::{Fault, PATIENCE, Seen, Written, batch};
use crate::stage::{GROUP, REQUEST_TIMEOUT, SESSION, Stage, TOPIC, at, terms};

in_both_protocols! {
    a_coordinator_that_moved_is_followed(2, 1),
    a_coordinator_that_hangs_costs_nothing_if_it_is_back_in_time(1, 1),
    a_coordinator_that_hangs_for_a_session_costs_the_partitions(1, 1),
    a_member_that_expired_gives_up_everything_and_comes_back(1, 1),
    a_broker_that_restarts_is_found_again(1, 1),
    a_commit_that_was_made_but_not_answered_is_repeated(1, 1),
    a_commit_whose_answer_cannot_be_read_is_repeated(1, 1),
    a_commit_waits_for_a_coordinator_that_loads(2, 1),
    a_commit_by_who_was_forgotten_is_fenced(1, 1),
    a_commit_to_a_broker_that_hangs_ends(1, 1),
    committed_offsets_are_asked_for_until_they_are_told(1, 1),
    committed_offsets_are_asked_for_where_the_coordinator_is_by_then(1, 1),
    a_join_waits_for_its_coordinator(1, 1),
    a_coordinator_that_hangs_does_not_stop_the_reading(2, 1),
    a_heartbeat_that_cannot_be_read_is_no_disaster(1, 1),
    a_late_goodbye_to_a_hanging_broker_ends(1, 1),
    a_refusal_for_good_ends_the_join_as_what_it_is(1, 1),
    a_batch_that_cannot_be_read_holds_its_own_partition_only(1, 2),
}

async fn a_coordinator_that_moved_is_followed(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    stage.broker.coordinate(GROUP, 2);
    player.commit(&place, &batch).await.unwrap();
    assert_eq!(stage.committed(0), Some(1));
    let last = stage.broker.seen::<OffsetCommitRequest>().pop().unwrap();
    assert_eq!(last.node, 2);
    if stage.is_classic {
        stage.broker.wait(|seen: &Seen<HeartbeatRequest>| seen.node == 2).await;
    } else {
        stage.broker.wait(|seen: &Seen<ConsumerGroupHeartbeatRequest>| seen.node == 2).await;
    }
    stage.write(0, 1);
    assert_eq!(player.work(1).await, ["0:1"], "nothing was lost on the way");
}

async fn a_coordinator_that_hangs_costs_nothing_if_it_is_back_in_time(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    assert_eq!(player.work(1).await, ["0:0"]);
    stage.broker.freeze(1);
    assert!(timeout(REQUEST_TIMEOUT * 5 / 4, player.member.next()).await.is_err());
    stage.broker.thaw(1);
    stage.write(0, 1);
    let (place, batch) = player.records().await;
    player.commit(&place, &batch).await.unwrap();
    assert_eq!(stage.committed(0), Some(2));
}

async fn a_coordinator_that_hangs_for_a_session_costs_the_partitions(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    stage.broker.freeze(1);
    let since = Instant::now();
    assert_eq!(player.lost().await, [at(TOPIC, 0)]);
    assert!(since.elapsed() > SESSION / 2, "{:?}", since.elapsed());
    let refused = player.commit(&place, &batch).await;
    assert!(matches!(refused, Err(KafkaError::Fenced)), "{refused:?}");
    for member in stage.broker.members(GROUP) {
        stage.broker.expire(GROUP, &member);
    }
    stage.broker.thaw(1);
    assert_eq!(player.work(1).await, ["0:0"], "it was not committed, so it comes again");
}

async fn a_member_that_expired_gives_up_everything_and_comes_back(stage: Stage) {
    stage.write(0, 2);
    let mut terms = terms();
    terms.max_batch_records = 1;
    let mut player = stage.join_as(terms).await.unwrap();
    assert_eq!(player.work(1).await, ["0:0"]);
    let member = stage.broker.members(GROUP).remove(0);
    stage.broker.expire(GROUP, &member);
    assert_eq!(player.lost().await, [at(TOPIC, 0)]);
    assert_eq!(player.work(1).await, ["0:1"]);
    assert_eq!(stage.committed(0), Some(2));
}

async fn a_broker_that_restarts_is_found_again(mut stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    assert_eq!(player.work(1).await, ["0:0"]);
    stage.broker.stop(1).await;
    assert!(timeout(REQUEST_TIMEOUT, player.member.next()).await.is_err());
    stage.broker.open(1).await;
    stage.write(0, 1);
    let (place, batch) = player.records().await;
    player.commit(&place, &batch).await.unwrap();
    assert_eq!(stage.committed(0), Some(2));
}

async fn a_commit_that_was_made_but_not_answered_is_repeated(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    stage.broker.fault::<OffsetCommitRequest>(Fault::DropAfter).set();
    player.commit(&place, &batch).await.unwrap();
    let commits = stage.broker.seen::<OffsetCommitRequest>();
    assert_eq!(commits.len(), 2);
    assert_eq!(commits[0].request, commits[1].request);
    assert_eq!(stage.committed(0), Some(1));
}

async fn a_commit_whose_answer_cannot_be_read_is_repeated(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    for fault in [Fault::Misdirected, Fault::Truncated] {
        stage.broker.fault::<OffsetCommitRequest>(fault).set();
    }
    player.commit(&place, &batch).await.unwrap();
    assert_eq!(stage.broker.seen::<OffsetCommitRequest>().len(), 3);
    assert_eq!(stage.committed(0), Some(1));
}

async fn a_commit_waits_for_a_coordinator_that_loads(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    for error in [
        ResponseError::CoordinatorLoadInProgress,
        ResponseError::CoordinatorNotAvailable,
        ResponseError::NotCoordinator,
    ] {
        stage.broker.fault::<OffsetCommitRequest>(Fault::Refuse(error)).set();
    }
    player.commit(&place, &batch).await.unwrap();
    assert_eq!(stage.committed(0), Some(1));
}

async fn a_commit_by_who_was_forgotten_is_fenced(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    stage.broker.forget_members(GROUP);
    let refused = player.commit(&place, &batch).await;
    assert!(matches!(refused, Err(KafkaError::Fenced)), "{refused:?}");
    assert_eq!(stage.committed(0), None);
    assert_eq!(player.lost().await, [at(TOPIC, 0)]);
    assert_eq!(player.work(1).await, ["0:0"]);
    assert_eq!(stage.committed(0), Some(1));
}

async fn a_commit_to_a_broker_that_hangs_ends(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    stage.broker.fault::<OffsetCommitRequest>(Fault::Hang).always().set();
    let failed = timeout(PATIENCE, player.commit(&place, &batch)).await.unwrap();
    assert!(matches!(failed, Err(KafkaError::Unavailable(_))), "{failed:?}");
    stage.broker.clear_faults();
    player.commit(&place, &batch).await.unwrap();
    assert_eq!(stage.committed(0), Some(1));
}

async fn committed_offsets_are_asked_for_until_they_are_told(stage: Stage) {
    let refusals = [
        ResponseError::StaleMemberEpoch,
        ResponseError::UnknownMemberId,
        ResponseError::UnstableOffsetCommit,
    ];
    go_on_after(stage, refusals.map(Fault::Refuse)).await;
}

async fn committed_offsets_are_asked_for_where_the_coordinator_is_by_then(stage: Stage) {
    let moved = Fault::Refuse(ResponseError::NotCoordinator);
    let loads = Fault::Refuse(ResponseError::CoordinatorLoadInProgress);
    go_on_after(stage, [moved, loads, Fault::Garbage, Fault::DropBefore]).await;
}

async fn go_on_after(stage: Stage, faults: impl IntoIterator<Item = Fault>) {
    stage.write(0, 4);
    stage.broker.commit(GROUP, TOPIC, 0, 3);
    for fault in faults {
        stage.broker.fault::<OffsetFetchRequest>(fault).set();
    }
    let mut player = stage.join().await;
    assert_eq!(player.work(1).await, ["0:3"], "never the start instead of what was committed");
    assert!(stage.broker.seen::<ListOffsetsRequest>().is_empty(), "nobody asked for the start");
}

async fn a_join_waits_for_its_coordinator(stage: Stage) {
    let away = Fault::Refuse(ResponseError::CoordinatorNotAvailable);
    stage.broker.fault::<FindCoordinatorRequest>(away).times(2).set();
    for error in [ResponseError::CoordinatorLoadInProgress, ResponseError::NotCoordinator] {
        stage.broker.fault::<ConsumerGroupHeartbeatRequest>(Fault::Refuse(error)).set();
        stage.broker.fault::<JoinGroupRequest>(Fault::Refuse(error)).set();
    }
    stage.write(0, 1);
    let mut player = stage.join().await;
    assert_eq!(player.work(1).await, ["0:0"]);
}

async fn a_coordinator_that_hangs_does_not_stop_the_reading(stage: Stage) {
    stage.broker.coordinate(GROUP, 2);
    let mut player = stage.join().await;
    stage.broker.wait(|seen: &Seen<FetchRequest>| seen.answered.is_some()).await;
    stage.broker.freeze(2);
    stage.write(0, 1);
    let (place, batch) = player.records().await;
    let (committed, ()) = tokio::join!(player.commit(&place, &batch), async {
        sleep(REQUEST_TIMEOUT * 5 / 4).await;
        stage.broker.thaw(2);
    });
    if committed.is_err() {
        player.commit(&place, &batch).await.unwrap();
    }
    assert_eq!(stage.committed(0), Some(1));
}

async fn a_heartbeat_that_cannot_be_read_is_no_disaster(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    assert_eq!(player.work(1).await, ["0:0"]);
    for fault in [Fault::Garbage, Fault::Truncated, Fault::CutOff, Fault::Endless] {
        stage.broker.fault::<ConsumerGroupHeartbeatRequest>(fault.clone()).set();
        stage.broker.fault::<HeartbeatRequest>(fault).set();
    }
    let before = stage.heartbeats();
    player.work_until(|_, _| stage.heartbeats() > before + 5).await;
    stage.write(0, 1);
    let (place, batch) = player.records().await;
    player.commit(&place, &batch).await.unwrap();
    assert_eq!(stage.committed(0), Some(2));
}

async fn a_late_goodbye_to_a_hanging_broker_ends(stage: Stage) {
    let player = stage.join().await;
    stage.broker.freeze(1);
    let left = timeout(PATIENCE, player.member.leave()).await.unwrap();
    assert!(matches!(left, Err(KafkaError::Unavailable(_))), "{left:?}");
    stage.tasks.close();
    timeout(PATIENCE, stage.tasks.wait()).await.unwrap();
}

async fn a_refusal_for_good_ends_the_join_as_what_it_is(stage: Stage) {
    let forbidden = ResponseError::GroupAuthorizationFailed;
    stage.broker.fault::<FindCoordinatorRequest>(Fault::Refuse(forbidden)).always().set();
    let named = if stage.is_classic { GroupProtocol::Classic } else { GroupProtocol::Consumer };
    for protocol in [GroupProtocol::Auto, named] {
        let mut terms = terms();
        terms.protocol = protocol;
        let refused = stage.join_as(terms).await.err();
        let refusal = refused.as_ref().and_then(KafkaError::refusal);
        assert_eq!(refusal, Some(forbidden), "{protocol:?}: {refused:?}");
    }
}

async fn a_batch_that_cannot_be_read_holds_its_own_partition_only(stage: Stage) {
    let damaged = batch(&[Written::new("damaged".to_owned(), String::new())]);
    let mut damaged = damaged.to_vec();
    *damaged.last_mut().unwrap() ^= 0xff;
    stage.broker.append(TOPIC, 0, &damaged.into());
    let mut player = stage.join().await;
    let of_damaged = |seen: &Seen<FetchRequest>| {
        seen.answered.is_some() && seen.request.topics[0].partitions[0].partition == 0
    };
    let attempts =
        || stage.broker.seen::<FetchRequest>().iter().filter(|seen| of_damaged(seen)).count();
    player.work_until(|_, _| attempts() >= 5).await;
    stage.write(1, 2);
    assert_eq!(player.work(2).await, ["1:0", "1:1"]);
    // Whoever decides to do without it commits beyond it.
    player.committer.commit(&[(at(TOPIC, 0), 1)]).await.unwrap();
    assert_eq!(stage.committed(0), Some(1));
}
