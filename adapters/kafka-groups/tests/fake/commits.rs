//! Commits of several partitions, of which the coordinator refuses some, in both protocols.

use kafka_groups::KafkaError;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::OffsetCommitRequest;
use tokio::time::Instant;

use crate::broker::{Fault, Seen};
use crate::stage::{GROUP, Player, REQUEST_TIMEOUT, Stage, TOPIC, at, terms};

const DEAD: &str = "u";

in_both_protocols! {
    a_commit_beside_one_of_a_deleted_topic_is_made(1, 1),
    of_one_commit_for_two_partitions_what_can_be_made_is_made(1, 1),
    a_refusal_for_good_is_told_to_its_own_commit_only(1, 1),
}

/// A member with a batch of each of two topics; the coordinator refuses commits for one of them.
async fn player(stage: &Stage, error: ResponseError) -> Player {
    stage.broker.create_topic(DEAD, 1);
    stage.broker.write(DEAD, 0, &["dead"]);
    stage.write(0, 2);
    let mut terms = terms();
    terms.topics = vec![TOPIC.to_owned(), DEAD.to_owned()];
    terms.max_batch_records = 1;
    let mut player = stage.join_as(terms).await.unwrap();
    let (one, two) = (player.records().await, player.records().await);
    assert_ne!(one.0, two.0);
    let refused = Fault::altered::<OffsetCommitRequest>(move |answer| {
        for topic in answer.topics.iter_mut().filter(|topic| &**topic.name == DEAD) {
            topic.partitions[0].error_code = error.code();
        }
    });
    stage.broker.fault::<OffsetCommitRequest>(refused).always().set();
    player
}

async fn a_commit_beside_one_of_a_deleted_topic_is_made(stage: Stage) {
    let mut player = player(&stage, ResponseError::UnknownTopicOrPartition).await;
    let committer = player.committer.clone();
    let dead = [(at(DEAD, 0), 1)];
    let beside = async {
        stage.broker.wait(|seen: &Seen<OffsetCommitRequest>| seen.answered.is_some()).await;
        let asked = Instant::now();
        player.committer.commit(&[(at(TOPIC, 0), 1)]).await.unwrap();
        assert!(asked.elapsed() < REQUEST_TIMEOUT, "{:?}", asked.elapsed());
        let (_, batch) = player.records().await;
        assert_eq!(batch[0].offset, 1);
    };
    let (refused, ()) = tokio::join!(committer.commit(&dead), beside);
    assert!(matches!(refused, Err(KafkaError::Unavailable(_))), "{refused:?}");
    assert_eq!(stage.committed(0), Some(1));
}

async fn of_one_commit_for_two_partitions_what_can_be_made_is_made(stage: Stage) {
    let mut player = player(&stage, ResponseError::UnknownTopicOrPartition).await;
    let committer = player.committer.clone();
    let both = [(at(TOPIC, 0), 1), (at(DEAD, 0), 1)];
    let next = async { player.records().await.1[0].offset };
    let (outcome, next) = tokio::join!(committer.commit(&both), next);
    assert!(matches!(outcome, Err(KafkaError::Unavailable(_))), "{outcome:?}");
    assert_eq!((stage.broker.committed(GROUP, TOPIC, 0), next), (Some(1), 1));
    let again = stage.broker.seen::<OffsetCommitRequest>();
    assert!(again.len() > 1);
    let topics = |seen: &Seen<OffsetCommitRequest>| seen.request.topics.len();
    assert!(again[1..].iter().all(|seen| topics(seen) == 1), "what is made is not repeated");
}

async fn a_refusal_for_good_is_told_to_its_own_commit_only(stage: Stage) {
    let player = player(&stage, ResponseError::TopicAuthorizationFailed).await;
    let (live, dead) = ([(at(TOPIC, 0), 1)], [(at(DEAD, 0), 1)]);
    let (live, dead) = tokio::join!(player.committer.commit(&live), player.committer.commit(&dead));
    live.unwrap();
    let refusal = dead.unwrap_err().refusal();
    assert_eq!(refusal, Some(ResponseError::TopicAuthorizationFailed));
}
