//! KIP-848: epochs, fencing, assignments of topics that nobody can name, static members.

use kafka_groups::KafkaError;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, MetadataRequest,
    OffsetCommitRequest, OffsetFetchRequest,
};
use tokio::time::timeout;

use crate::broker::{Fault, Gate, PATIENCE, Seen};
use crate::stage::{A_WHILE, GROUP, Stage, TOPIC, at};

type Beat = Seen<ConsumerGroupHeartbeatRequest>;

/// What belongs to a membership; metadata and fetches do not.
const OF_GROUPS: [ApiKey; 3] =
    [ApiKey::ConsumerGroupHeartbeat, ApiKey::OffsetCommit, ApiKey::OffsetFetch];

fn is_refused(beat: &Beat, error: ResponseError) -> bool {
    beat.answer.as_ref().is_some_and(|answer| answer.error_code == error.code())
}

fn stays(request: &ConsumerGroupHeartbeatRequest) -> bool {
    request.member_epoch > 0
}

/// The partitions a heartbeat says are owned.
fn owned(beat: &Beat) -> Option<Vec<i32>> {
    let topics = beat.request.topic_partitions.as_ref()?;
    Some(topics.iter().flat_map(|topic| topic.partitions.iter().copied()).collect())
}

#[tokio::test]
async fn partitions_that_are_added_are_read_at_once() {
    let stage = Stage::consumer(1, 1).await;
    let mut player = stage.join().await;
    player.settle().await;
    stage.broker.grow_topic(TOPIC, 2);
    stage.write(1, 1);
    assert_eq!(player.work(1).await, ["1:0"], "metadata of before say that there is no such one");
}

#[tokio::test]
async fn a_revocation_is_acknowledged_only_after_the_commit_and_at_once() {
    let stage = Stage::consumer(1, 2).await;
    stage.write(0, 1);
    stage.write(1, 1);
    let mut one = stage.join().await;
    let batches = [one.records().await, one.records().await];
    let revoked = async {
        let going = one.revoking().await;
        // Heartbeats go on meanwhile, and still say that everything is owned.
        let before = stage.heartbeats();
        one.work_until(|_, _| stage.heartbeats() > before + 3).await;
        let (place, batch) = batches.iter().find(|(place, _)| going.contains(place)).unwrap();
        one.commit(place, batch).await.unwrap();
        one.member.release(&going);
        let kept = 1 - place.partition;
        stage.broker.wait(|beat: &Beat| owned(beat) == Some(vec![kept])).await
    };
    let (told, _two) = tokio::join!(revoked, stage.join());
    let committed = stage.broker.seen::<OffsetCommitRequest>().pop().unwrap();
    assert!(committed.answered.unwrap() < told.arrived);
}

#[tokio::test]
async fn a_join_does_not_wait_for_what_another_gives_up_slowly() {
    let stage = Stage::consumer(1, 2).await;
    let mut one = stage.join().await;
    // When the second one sees the group, the first one knows already what it has to give up.
    let loading = Fault::Refuse(ResponseError::CoordinatorLoadInProgress);
    stage.broker.fault::<ConsumerGroupDescribeRequest>(loading).always().set();
    let (going, mut two) = tokio::join!(
        async {
            let going = one.revoking().await;
            stage.broker.clear_faults();
            going
        },
        stage.join()
    );
    assert!(two.is_quiet().await);
    one.member.release(&going);
    let partition = going[0].partition;
    stage.write(usize::try_from(partition).unwrap(), 1);
    assert_eq!(two.work(1).await, [format!("{partition}:0")]);
}

#[tokio::test]
async fn a_fenced_member_stops_loses_everything_and_says_nothing_until_it_joins_again() {
    let stage = Stage::consumer(1, 2).await;
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    let fence = Fault::Refuse(ResponseError::FencedMemberEpoch);
    stage.broker.fault::<ConsumerGroupHeartbeatRequest>(fence).when(stays).set();
    let mut lost = player.lost().await;
    lost.sort();
    assert_eq!(lost, [at(TOPIC, 0), at(TOPIC, 1)]);
    let refused = player.commit(&place, &batch).await;
    assert!(matches!(refused, Err(KafkaError::Fenced)), "{refused:?}");
    let fenced = |beat: &Beat| is_refused(beat, ResponseError::FencedMemberEpoch);
    let fenced = stage.broker.wait(fenced).await;
    let since = fenced.answered.unwrap();
    let back = |beat: &Beat| beat.arrived > since && beat.request.member_epoch == 0;
    let back = stage.broker.wait(back).await;
    assert_eq!(back.request.member_id, fenced.request.member_id);
    assert_eq!(owned(&back), Some(vec![]));
    let between = stage.broker.calls_between(since, back.arrived);
    assert!(!between.iter().any(|key| OF_GROUPS.contains(key)), "{between:?}");
    assert_eq!(player.work(1).await, ["0:0"]);
}

#[tokio::test]
async fn where_epoch_zero_is_refused_it_comes_back_as_somebody_else() {
    let stage = Stage::consumer(1, 1).await;
    stage.write(0, 1);
    stage.broker.refuse_rejoin();
    let mut player = stage.join().await;
    let (_, _) = player.records().await;
    stage.broker.raise_epoch(GROUP);
    stage.broker.wait(|beat: &Beat| beat.request.member_epoch == 2).await;
    let old = stage.broker.members(GROUP).remove(0);
    let fence = Fault::Refuse(ResponseError::FencedMemberEpoch);
    stage.broker.fault::<ConsumerGroupHeartbeatRequest>(fence).when(stays).set();
    player.lost().await;
    let other = |beat: &Beat| beat.request.member_epoch == 0 && *beat.request.member_id != old;
    stage.broker.wait(other).await;
    stage.broker.expire(GROUP, &old);
    assert_eq!(player.work(1).await, ["0:0"]);
}

#[tokio::test]
async fn a_commit_with_a_stale_epoch_is_repeated_with_the_new_one() {
    let stage = Stage::consumer(1, 1).await;
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    // The coordinator is an epoch ahead, and the answer that says so is held back.
    let gate = Gate::closed();
    stage.broker.raise_epoch(GROUP);
    let held = Fault::Held(gate.clone());
    stage.broker.fault::<ConsumerGroupHeartbeatRequest>(held).set();
    let mark = stage.broker.mark();
    stage.broker.wait(|beat: &Beat| beat.arrived > mark && beat.answered.is_none()).await;
    let (committed, ()) = tokio::join!(player.commit(&place, &batch), async {
        stage.broker.wait(|commit: &Seen<OffsetCommitRequest>| commit.answered.is_some()).await;
        gate.open();
    });
    committed.unwrap();
    let epochs = stage.broker.seen::<OffsetCommitRequest>();
    let epochs = epochs.iter().map(|seen| seen.request.generation_id_or_member_epoch);
    let epochs: Vec<_> = epochs.collect();
    assert_eq!((epochs.first(), epochs.last()), (Some(&1), Some(&2)), "{epochs:?}");
    assert_eq!(stage.committed(0), Some(1));
}

#[tokio::test]
async fn a_commit_with_a_stale_epoch_is_dropped_where_the_partition_is_gone() {
    let stage = Stage::consumer(1, 1).await;
    stage.write(0, 1);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    let fence = Fault::Refuse(ResponseError::FencedMemberEpoch);
    let refusal = Fault::Refuse(ResponseError::StaleMemberEpoch);
    stage.broker.fault::<OffsetCommitRequest>(refusal).always().set();
    let refused = player.commit(&place, &batch);
    let (refused, ()) = tokio::join!(refused, async {
        stage.broker.wait(|commit: &Seen<OffsetCommitRequest>| commit.answered.is_some()).await;
        stage.broker.fault::<ConsumerGroupHeartbeatRequest>(fence).when(stays).set();
    });
    assert!(matches!(refused, Err(KafkaError::Fenced)), "{refused:?}");
    assert_eq!(player.lost().await, [at(TOPIC, 0)]);
    assert_eq!(stage.committed(0), None);
}

#[tokio::test]
async fn an_answer_that_arrives_after_the_goodbye_revives_nobody() {
    let stage = Stage::consumer(1, 1).await;
    let player = stage.join().await;
    let gate = Gate::closed();
    let held = Fault::Held(gate.clone());
    stage.broker.fault::<ConsumerGroupHeartbeatRequest>(held).when(stays).set();
    stage.broker.wait(|beat: &Beat| stays(&beat.request) && beat.answered.is_none()).await;
    timeout(PATIENCE, player.member.leave()).await.unwrap().unwrap();
    let goodbye = |beat: &Beat| beat.request.member_epoch == -1 && beat.answered.is_some();
    let goodbye = stage.broker.wait(goodbye).await;
    gate.open();
    tokio::time::sleep(A_WHILE).await;
    let later = stage.broker.seen_since::<ConsumerGroupHeartbeatRequest>(goodbye.arrived);
    assert!(later.is_empty());
    assert!(stage.broker.members(GROUP).is_empty());
}

#[tokio::test]
async fn a_negative_epoch_is_never_adopted() {
    let stage = Stage::consumer(1, 1).await;
    let mut player = stage.join().await;
    for epoch in [-1, -2, 0] {
        let echo = Fault::altered::<ConsumerGroupHeartbeatRequest>(move |answer| {
            answer.member_epoch = epoch;
        });
        stage.broker.fault::<ConsumerGroupHeartbeatRequest>(echo).when(stays).set();
    }
    let before = stage.heartbeats();
    player.work_until(|_, _| stage.heartbeats() > before + 6).await;
    let beats = stage.broker.seen::<ConsumerGroupHeartbeatRequest>();
    assert!(beats.iter().all(|beat| beat.request.member_epoch >= 0));
    stage.write(0, 1);
    assert_eq!(player.work(1).await, ["0:0"]);
}

#[tokio::test]
async fn a_topic_id_without_a_name_is_kept_and_asked_for_again_but_not_twice_at_once() {
    let stage = Stage::consumer(1, 1).await;
    let mut player = stage.join().await;
    stage.broker.hide_topic(TOPIC, true);
    let id = stage.broker.recreate_topic(TOPIC);
    stage.broker.write(TOPIC, 0, &["anew"]);
    let asks = |seen: &Seen<MetadataRequest>| {
        seen.request.topics.iter().flatten().any(|topic| topic.topic_id == id)
    };
    let asked_twice =
        || stage.broker.seen::<MetadataRequest>().iter().filter(|is| asks(is)).count();
    player.work_until(|_, _| asked_twice() >= 2).await;
    stage.broker.hide_topic(TOPIC, false);
    assert_eq!(player.work(1).await, ["anew"]);
    let mut asked = stage.broker.seen::<MetadataRequest>();
    asked.retain(asks);
    for pair in asked.windows(2) {
        assert!(pair[0].answered.is_some_and(|answered| answered < pair[1].arrived));
    }
}

#[tokio::test]
async fn offsets_are_asked_for_with_the_epoch_of_the_moment() {
    let stage = Stage::consumer(1, 1).await;
    stage.write(0, 3);
    stage.broker.commit(GROUP, TOPIC, 0, 2);
    // The offsets are asked for with the first epoch, but by then the second one holds.
    let gate = Gate::closed();
    let refused = Fault::Refuse(ResponseError::StaleMemberEpoch);
    stage.broker.fault::<OffsetFetchRequest>(refused).set();
    stage.broker.fault::<OffsetFetchRequest>(Fault::Held(gate.clone())).set();
    let mut player = stage.join().await;
    stage.broker.raise_epoch(GROUP);
    stage.broker.wait(|beat: &Beat| beat.request.member_epoch == 2).await;
    gate.open();
    assert_eq!(player.work(1).await, ["0:2"]);
}

#[tokio::test]
async fn a_revocation_whose_answer_got_lost_is_asked_for_again() {
    let stage = Stage::consumer(1, 2).await;
    let mut one = stage.join().await;
    let losing = async {
        let joins = |beat: &Beat| beat.request.member_epoch == 0 && beat.answered.is_some();
        let first = stage.broker.wait(joins).await.arrived;
        stage.broker.wait(|beat: &Beat| joins(beat) && beat.arrived > first).await;
        stage.broker.fault::<ConsumerGroupHeartbeatRequest>(Fault::DropAfter).when(stays).set();
    };
    let revoked = async {
        let going = one.revoking().await;
        one.member.release(&going);
        going
    };
    let (going, mut two, ()) = tokio::join!(revoked, stage.join(), losing);
    assert_eq!(going.len(), 1);
    stage.write(usize::try_from(going[0].partition).unwrap(), 1);
    let (place, _) = two.records().await;
    assert_eq!(place, going[0]);
}
