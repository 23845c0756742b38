//! Commits that nobody waits for: they go together, and nothing is given up before they are made.

use std::time::Duration;

use kafka_groups::{GroupSettings, KafkaError};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::OffsetCommitRequest;
use tokio::time::{Instant, sleep, timeout};

use crate::broker::{Fault, Seen};
use crate::stage::{A_WHILE, GROUP, SESSION, Stage, TOPIC, at, terms};

/// Longer than any of these tests takes, unless somebody presses.
const SELDOM: Duration = Duration::from_mins(1);

in_both_protocols! {
    many_batches_share_a_commit(1, 1),
    whoever_leaves_commits_first(1, 1),
    whoever_is_dropped_commits_first(1, 1),
    what_is_given_up_is_committed_first(1, 2),
    commits_that_do_not_arrive_are_waited_for(1, 1),
    a_refusal_that_nobody_waits_for_ends_the_membership(1, 1),
}

fn paced(interval: Duration) -> GroupSettings {
    let mut terms = terms();
    terms.commit_interval = interval;
    terms.max_batch_records = 1;
    terms
}

async fn many_batches_share_a_commit(stage: Stage) {
    let interval = Duration::from_millis(200);
    let mut player = stage.join_as(paced(interval)).await.unwrap();
    stage.write(0, 50);
    let began = Instant::now();
    player.work(50).await;
    stage.broker.wait(|seen: &Seen<OffsetCommitRequest>| seen.answered.is_some()).await;
    while stage.committed(0) != Some(50) {
        sleep(Duration::from_millis(5)).await;
    }
    let periods = began.elapsed().as_millis() / interval.as_millis() + 2;
    let commits = stage.broker.seen::<OffsetCommitRequest>().len();
    assert!(commits as u128 <= periods, "{commits} in {periods} periods");
}

async fn whoever_leaves_commits_first(stage: Stage) {
    let mut player = stage.join_as(paced(SELDOM)).await.unwrap();
    stage.write(0, 5);
    player.work(5).await;
    player.member.leave().await.unwrap();
    assert_eq!(stage.committed(0), Some(5));
}

async fn whoever_is_dropped_commits_first(stage: Stage) {
    let mut player = stage.join_as(paced(SELDOM)).await.unwrap();
    stage.write(0, 5);
    player.work(5).await;
    drop(player);
    stage.tasks.close();
    timeout(SESSION, stage.tasks.wait()).await.unwrap();
    assert_eq!(stage.committed(0), Some(5));
    assert!(stage.broker.members(GROUP).is_empty());
}

async fn what_is_given_up_is_committed_first(stage: Stage) {
    let mut one = stage.join_as(paced(SELDOM)).await.unwrap();
    for partition in 0..2 {
        stage.write(partition, 5);
    }
    one.work(10).await;
    let mut two = stage.join_beside(&mut one, paced(SELDOM)).await;
    let given = [0, 1].map(|partition| stage.committed(partition) == Some(5));
    assert!(given.contains(&true), "one of them was given up");
    assert!(two.is_quiet().await, "nothing is done again");
}

async fn commits_that_do_not_arrive_are_waited_for(stage: Stage) {
    let mut player = stage.join_as(paced(Duration::from_millis(10))).await.unwrap();
    let error = ResponseError::CoordinatorLoadInProgress;
    stage.broker.fault::<OffsetCommitRequest>(Fault::Refuse(error)).always().set();
    stage.write(0, 3);
    let (partition, first) = player.records().await;
    player.commit(&partition, &first).await.unwrap();
    sleep(SESSION / 2).await;
    let (_, second) = player.records().await;
    let committing = player.commit(&partition, &second);
    assert!(timeout(A_WHILE, committing).await.is_err(), "the first one is still on its way");
    assert!(player.is_quiet().await);
    stage.broker.clear_faults();
    player.commit(&partition, &second).await.unwrap();
    assert_eq!(player.records().await.1[0].offset, 2);
}

async fn a_refusal_that_nobody_waits_for_ends_the_membership(stage: Stage) {
    let mut player = stage.join_as(paced(Duration::from_millis(10))).await.unwrap();
    let error = ResponseError::TopicAuthorizationFailed;
    stage.broker.fault::<OffsetCommitRequest>(Fault::Refuse(error)).always().set();
    stage.write(0, 1);
    let (partition, batch) = player.records().await;
    player.commit(&partition, &batch).await.unwrap();
    let ended = player.event().await;
    assert_eq!(ended.unwrap_err().refusal(), Some(error));
    let late = player.committer.commit(&[(at(TOPIC, 0), 1)]).await;
    assert!(matches!(late, Err(KafkaError::Fenced)), "{late:?}");
}
