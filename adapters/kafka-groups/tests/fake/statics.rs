//! Members with a name of their own, which keeps their partitions while they are away (KIP-345).

use kafka_groups::{Assignor, Event, GroupSettings};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupHeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest,
};
use tokio::time::sleep;

use crate::broker::{Fault, Seen};
use crate::stage::{A_WHILE, GROUP, Player, Stage, TOPIC, at, terms};

type Beat = Seen<ConsumerGroupHeartbeatRequest>;

fn named(instance: &str) -> GroupSettings {
    let mut terms = terms();
    terms.instance_id = Some(instance.to_owned());
    terms
}

async fn static_member(stage: &Stage, instance: &str) -> Player {
    stage.join_as(named(instance)).await.unwrap()
}

fn classic(instance: &str, assignor: Assignor) -> GroupSettings {
    let mut terms = named(instance);
    terms.assignors = vec![assignor];
    terms
}

#[tokio::test]
async fn a_name_that_another_process_took_is_fatal() {
    let stage = Stage::consumer(1, 1).await;
    let mut player = static_member(&stage, "till").await;
    let fence = Fault::Refuse(ResponseError::FencedInstanceId);
    stage
        .broker
        .fault::<ConsumerGroupHeartbeatRequest>(fence)
        .when(|beat| beat.member_epoch > 0)
        .set();
    let error = loop {
        match player.event().await {
            Ok(Event::Lost(lost)) => assert_eq!(lost, [at(TOPIC, 0)]),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.refusal(), Some(ResponseError::FencedInstanceId));
    let mark = stage.broker.mark();
    sleep(A_WHILE).await;
    assert!(stage.broker.seen_since::<ConsumerGroupHeartbeatRequest>(mark).is_empty());
}

#[tokio::test]
async fn who_comes_back_finds_its_partitions() {
    let stage = Stage::consumer(1, 2).await;
    let mut one = static_member(&stage, "one").await;
    let two = stage.join_beside(&mut one, named("two")).await;
    let epoch = stage.broker.consumer_group(GROUP, |group| group.epoch);
    two.member.leave().await.unwrap();
    stage.broker.wait(|beat: &Beat| beat.request.member_epoch == -2).await;
    assert_eq!(stage.broker.members(GROUP).len(), 2);
    let mut two = static_member(&stage, "two").await;
    stage.write(0, 1);
    stage.write(1, 1);
    let (one, two) = tokio::join!(one.work(1), two.work(1));
    assert_ne!(one, two);
    assert_eq!(stage.broker.consumer_group(GROUP, |group| group.epoch), epoch);
}

#[tokio::test]
async fn a_static_name_that_is_still_taken_is_waited_for() {
    let stage = Stage::consumer(1, 1).await;
    stage.write(0, 1);
    let taken = Fault::Refuse(ResponseError::UnreleasedInstanceId);
    stage.broker.fault::<ConsumerGroupHeartbeatRequest>(taken).times(2).set();
    let mut player = static_member(&stage, "till").await;
    assert_eq!(player.work(1).await, ["0:0"]);
}

#[tokio::test]
async fn a_classic_member_that_comes_back_finds_its_partitions() {
    for assignor in [Assignor::Range, Assignor::CooperativeSticky] {
        let stage = Stage::classic(1, 2).await;
        let mut one = stage.join_as(classic("one", assignor)).await.unwrap();
        let two = stage.join_beside(&mut one, classic("two", assignor)).await;
        two.member.leave().await.unwrap();
        let joins = stage.broker.seen::<JoinGroupRequest>().len();
        let mut two = stage.join_as(classic("two", assignor)).await.unwrap();
        stage.write(0, 1);
        stage.write(1, 1);
        let (one, two) = tokio::join!(one.work(1), two.work(1));
        assert_ne!(one, two);
        assert!(stage.broker.seen::<LeaveGroupRequest>().is_empty());
        assert_eq!(
            stage.broker.seen::<JoinGroupRequest>().len(),
            joins + 1,
            "the other one stayed"
        );
    }
}

#[tokio::test]
async fn a_classic_leader_that_comes_back_does_not_lead_a_round_that_is_over() {
    for newest in [9, 8] {
        let stage = Stage::classic(1, 2).await;
        stage.broker.advertise(ApiKey::JoinGroup, Some((0, newest)));
        let mut only = static_member(&stage, "only").await;
        only.settle().await;
        only.member.leave().await.unwrap();
        let mut only = static_member(&stage, "only").await;
        stage.write(0, 1);
        stage.write(1, 1);
        assert_eq!(only.work(2).await.len(), 2);
        let last = stage.broker.seen::<SyncGroupRequest>().pop().unwrap();
        assert!(last.request.assignments.is_empty());
    }
}

#[tokio::test]
async fn a_name_that_another_classic_member_took_is_fatal() {
    let stage = Stage::classic(1, 1).await;
    let mut old = static_member(&stage, "till").await;
    let _new = static_member(&stage, "till").await;
    let error = loop {
        match old.event().await {
            Ok(Event::Lost(lost)) => assert_eq!(lost, [at(TOPIC, 0)]),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.refusal(), Some(ResponseError::FencedInstanceId));
    let joins = stage.broker.seen::<JoinGroupRequest>().len();
    sleep(A_WHILE).await;
    assert_eq!(stage.broker.seen::<JoinGroupRequest>().len(), joins);
}
