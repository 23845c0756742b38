//! What a member does while nothing fails, in both protocols.

use std::collections::BTreeSet;

use std::time::Duration;

use kafka_groups::admin::{Admin, GroupKind};
use kafka_groups::{Event, KafkaError};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, FetchRequest, LeaveGroupRequest, MetadataRequest,
    OffsetCommitRequest,
};

use crate::broker::{Seen, marker};
use crate::stage::{GROUP, REQUEST_TIMEOUT, Stage, TOPIC, at, terms, texts};

in_both_protocols! {
    it_starts_at_what_was_committed_else_at_the_beginning(1, 2),
    a_batch_is_followed_by_the_next_only_after_its_commit(1, 1),
    part_of_a_batch_does_not_bring_the_next(1, 1),
    markers_are_passed_over_without_asking_again_and_again(1, 1),
    a_topic_that_is_not_there_is_refused(1, 1),
    a_topic_that_comes_while_it_joins_is_waited_for(1, 1),
    a_dropped_member_leaves(1, 1),
    leaving_hands_over(1, 2),
    two_share_and_each_record_comes_once(1, 4),
    a_revocation_waits_for_the_commit(1, 2),
    nothing_is_committed_after_the_release(1, 2),
    it_is_settled_once_everything_has_an_owner(1, 3),
    next_can_be_dropped_and_loses_nothing(1, 1),
    an_operator_sees_who_owns_what(1, 2),
}

async fn it_starts_at_what_was_committed_else_at_the_beginning(stage: Stage) {
    stage.write(0, 3);
    stage.write(1, 1);
    stage.broker.commit(GROUP, TOPIC, 0, 2);
    let mut player = stage.join().await;
    let values: BTreeSet<_> = player.work(2).await.into_iter().collect();
    assert_eq!(values, BTreeSet::from(["0:2".to_owned(), "1:0".to_owned()]));
    assert_eq!((stage.committed(0), stage.committed(1)), (Some(3), Some(1)));
}

async fn a_batch_is_followed_by_the_next_only_after_its_commit(stage: Stage) {
    let mut terms = terms();
    terms.max_batch_records = 2;
    stage.write(0, 3);
    let mut player = stage.join_as(terms).await.unwrap();
    let (place, batch) = player.records().await;
    assert_eq!(texts(&batch), ["0:0", "0:1"]);
    assert!(player.is_quiet().await);
    player.commit(&place, &batch).await.unwrap();
    let (_, batch) = player.records().await;
    assert_eq!(texts(&batch), ["0:2"]);
}

async fn part_of_a_batch_does_not_bring_the_next(stage: Stage) {
    let mut terms = terms();
    terms.max_batch_records = 2;
    stage.write(0, 3);
    let mut player = stage.join_as(terms).await.unwrap();
    let (place, batch) = player.records().await;
    player.committer.commit(&[(place.clone(), 1)]).await.unwrap();
    assert_eq!(stage.committed(0), Some(1));
    assert!(player.is_quiet().await);
    player.commit(&place, &batch).await.unwrap();
    assert_eq!(texts(&player.records().await.1), ["0:2"]);
}

async fn markers_are_passed_over_without_asking_again_and_again(stage: Stage) {
    stage.write(0, 1);
    stage.broker.append(TOPIC, 0, &marker());
    let mut player = stage.join().await;
    assert_eq!(player.work(1).await, ["0:0"]);
    // At the marker's offset every fetch would answer at once: it must be asked for once at most.
    stage.broker.wait(|seen: &Seen<FetchRequest>| offset(seen) == 2).await;
    let at_marker =
        stage.broker.seen::<FetchRequest>().iter().filter(|seen| offset(seen) == 1).count();
    assert!(at_marker <= 1, "{at_marker} fetches");
    stage.write(0, 1);
    assert_eq!(player.work(1).await, ["0:2"]);
}

pub(crate) fn offset(seen: &Seen<FetchRequest>) -> i64 {
    let topics = seen.request.topics.first();
    topics.and_then(|topic| topic.partitions.first()).map_or(-1, |asked| asked.fetch_offset)
}

async fn a_topic_that_is_not_there_is_refused(stage: Stage) {
    let mut terms = terms();
    terms.topics = vec![TOPIC.to_owned(), "missing".to_owned()];
    terms.join_timeout = REQUEST_TIMEOUT;
    let refused = stage.join_as(terms).await.err();
    let Some(KafkaError::UnknownTopic { name }) = refused else { panic!("{refused:?}") };
    assert_eq!(name, "missing");
    assert!(stage.broker.members(GROUP).is_empty());
}

async fn a_topic_that_comes_while_it_joins_is_waited_for(stage: Stage) {
    let mut terms = terms();
    terms.topics = vec!["late".to_owned()];
    let comes = async {
        stage.broker.wait(|seen: &Seen<MetadataRequest>| seen.answered.is_some()).await;
        stage.broker.create_topic("late", 1);
        stage.broker.write("late", 0, &["first"]);
    };
    let (player, ()) = tokio::join!(stage.join_as(terms), comes);
    assert_eq!(player.unwrap().work(1).await, ["first"]);
}

async fn a_dropped_member_leaves(stage: Stage) {
    let player = stage.join().await;
    assert_eq!(stage.broker.members(GROUP).len(), 1);
    drop(player);
    stage.broker.until_members(GROUP, 0).await;
    let left = stage.broker.seen::<LeaveGroupRequest>().len()
        + stage
            .broker
            .seen::<ConsumerGroupHeartbeatRequest>()
            .iter()
            .filter(|seen| seen.request.member_epoch == -1)
            .count();
    assert_eq!(left, 1);
}

async fn leaving_hands_over(stage: Stage) {
    let mut one = stage.join().await;
    let mut two = stage.join_beside(&mut one, terms()).await;
    one.member.leave().await.unwrap();
    stage.write(0, 1);
    stage.write(1, 1);
    let values: BTreeSet<_> = two.work(2).await.into_iter().collect();
    assert_eq!(values, BTreeSet::from(["0:0".to_owned(), "1:0".to_owned()]));
}

async fn two_share_and_each_record_comes_once(stage: Stage) {
    let mut one = stage.join().await;
    let mut two = stage.join_beside(&mut one, terms()).await;
    for partition in 0..4 {
        stage.write(partition, 3);
    }
    let all = |stage: &Stage| (0..4).all(|at| stage.committed(at) == Some(3));
    let (mut values, others) =
        tokio::join!(one.work_until(|_, _| all(&stage)), two.work_until(|_, _| all(&stage)));
    assert!(!values.is_empty() && !others.is_empty());
    values.extend(others);
    let expected = (0..4).flat_map(|at| (0..3).map(move |offset| format!("{at}:{offset}")));
    values.sort();
    assert_eq!(values, expected.collect::<Vec<_>>());
}

async fn a_revocation_waits_for_the_commit(stage: Stage) {
    stage.write(0, 1);
    stage.write(1, 1);
    let mut one = stage.join().await;
    let (first, second) = (one.records().await, one.records().await);
    let drive = async {
        let going = one.revoking().await;
        for (place, batch) in [first, second] {
            if going.contains(&place) {
                one.commit(&place, &batch).await.unwrap();
            }
        }
        let done = stage.broker.mark();
        one.member.release(&going);
        stage.write(0, 1);
        stage.write(1, 1);
        (going, done)
    };
    let other = async {
        let mut two = stage.join().await;
        (two.records().await, two)
    };
    let ((going, done), ((place, batch), _two)) = tokio::join!(drive, other);
    assert!(going.contains(&place));
    assert_eq!(batch[0].offset, 1, "what was committed does not come again");
    let fetched = stage.broker.seen::<FetchRequest>();
    let second_connection = |seen: &&Seen<FetchRequest>| {
        let partition = seen.request.topics.first().and_then(|topic| topic.partitions.first());
        partition.is_some_and(|asked| asked.partition == place.partition && asked.fetch_offset == 1)
            && seen.arrived > done
    };
    assert!(fetched.iter().any(|seen| second_connection(&seen)));
    let commits = stage.broker.seen::<OffsetCommitRequest>();
    assert!(commits.iter().all(|seen| seen.answered.is_some_and(|at| at <= done)));
}

async fn nothing_is_committed_after_the_release(stage: Stage) {
    stage.write(0, 1);
    stage.write(1, 1);
    let mut one = stage.join().await;
    let mut batches = vec![one.records().await, one.records().await];
    let drive = async {
        let going = one.revoking().await;
        one.member.release(&going);
        batches.retain(|(place, _)| going.contains(place));
        for (place, batch) in &batches {
            let refused = one.commit(place, batch).await;
            assert!(matches!(refused, Err(KafkaError::Fenced)), "{refused:?}");
        }
        let mixed: Vec<_> = [0, 1].map(|partition| (at(TOPIC, partition), 1)).into();
        let refused = one.committer.commit(&mixed).await;
        assert!(matches!(refused, Err(KafkaError::Fenced)), "none is committed: {refused:?}");
    };
    let other = async {
        let mut two = stage.join().await;
        two.event().await.unwrap();
        two
    };
    tokio::join!(drive, other);
    assert!(stage.broker.seen::<OffsetCommitRequest>().is_empty());
    assert_eq!((stage.committed(0), stage.committed(1)), (None, None));
}

async fn it_is_settled_once_everything_has_an_owner(stage: Stage) {
    let mut one = stage.join().await;
    one.settle().await;
    let first = async {
        let going = one.revoking().await;
        assert!(!one.member.is_settled());
        one.member.release(&going);
        one.settle().await;
    };
    let second = async {
        let mut two = stage.join().await;
        two.settle().await;
        two
    };
    let ((), two) = tokio::join!(first, second);
    assert!(one.member.is_settled() && two.member.is_settled());
}

async fn next_can_be_dropped_and_loses_nothing(stage: Stage) {
    let mut player = stage.join().await;
    let mut values = Vec::new();
    for round in 0..20 {
        stage.write(0, 1);
        for _ in 0..3 {
            tokio::select! {
                biased;
                event = player.member.next() => {
                    if let Event::Records { at, batch } = event.unwrap() {
                        values.extend(texts(&batch));
                        player.commit(&at, &batch).await.unwrap();
                    }
                }
                () = tokio::task::yield_now() => {}
            }
        }
        if values.len() > round {
            continue;
        }
        values.extend(player.work(round + 1 - values.len()).await);
    }
    let expected: Vec<_> = (0..20).map(|offset| format!("0:{offset}")).collect();
    assert_eq!(values, expected);
}

async fn an_operator_sees_who_owns_what(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    player.work(1).await;
    let admin = Admin::new(&stage.cluster, Duration::from_secs(5));
    let kind = if stage.is_classic { GroupKind::Classic } else { GroupKind::Consumer };
    let listed = admin.groups().await.unwrap().remove(0);
    assert_eq!((&*listed.group, listed.kind, &*listed.state), (GROUP, kind, "Stable"));
    let group = admin.describe_groups(&[GROUP, "nobody's"]).await.unwrap();
    let [group] = &group[..] else { panic!("{group:?}") };
    assert_eq!((&*group.group, group.kind, &*group.state), (GROUP, kind, "Stable"));
    let [member] = &group.members[..] else { panic!("{group:?}") };
    assert_eq!(vec![member.member.clone()], stage.broker.members(GROUP));
    assert_eq!(member.assigned, [at(TOPIC, 0), at(TOPIC, 1)]);
    assert_eq!(member.target, member.assigned);
    let committed = admin.committed(&[GROUP]).await.unwrap();
    assert_eq!(committed[GROUP].iter().collect::<Vec<_>>(), [(&at(TOPIC, 0), &1)]);
}
