//! What a member reads while brokers, connections and logs fail, in both protocols.

use kafka_groups::KafkaError;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupHeartbeatRequest, FetchRequest, HeartbeatRequest, OffsetCommitRequest,
};

use crate::broker::{Fault, Gate, Seen};
use crate::stage::{GROUP, REQUEST_TIMEOUT, Stage, TOPIC, at, terms};
use crate::work::offset;

in_both_protocols! {
    a_fetch_that_is_not_answered_is_repeated(1, 1),
    a_leader_that_moved_is_followed(2, 1),
    a_topic_made_anew_is_read_from_its_beginning(1, 1),
    what_retention_deleted_is_skipped(1, 1),
    behind_the_end_it_starts_at_the_beginning(1, 1),
    a_batch_of_a_topic_that_was_made_anew_is_not_committed_into_it(1, 1),
    a_batch_of_a_log_that_was_cut_off_is_not_committed_into_it(1, 1),
    old_fetches_go_by_name(1, 1),
    whatever_fails_every_record_comes_in_order_and_is_committed(2, 2),
}

async fn a_fetch_that_is_not_answered_is_repeated(stage: Stage) {
    let mut player = stage.join().await;
    stage.broker.wait(|seen: &Seen<FetchRequest>| seen.answered.is_some()).await;
    let faults = [
        Fault::Hang,
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Misdirected,
        Fault::Refuse(ResponseError::NotLeaderOrFollower),
        Fault::Refuse(ResponseError::UnknownServerError),
    ];
    for (fault, offset) in faults.into_iter().zip(0..) {
        stage.broker.fault::<FetchRequest>(fault).set();
        stage.broker.wait_since::<FetchRequest>(stage.broker.mark()).await;
        stage.write(0, 1);
        assert_eq!(player.work(1).await, [format!("0:{offset}")]);
    }
}

async fn a_leader_that_moved_is_followed(stage: Stage) {
    stage.write(0, 1);
    let mut player = stage.join().await;
    assert_eq!(player.work(1).await, ["0:0"]);
    stage.broker.lead(TOPIC, 0, 2);
    stage.write(0, 1);
    assert_eq!(player.work(1).await, ["0:1"]);
    assert_eq!(stage.broker.seen::<FetchRequest>().pop().unwrap().node, 2);
}

async fn a_topic_made_anew_is_read_from_its_beginning(stage: Stage) {
    stage.write(0, 3);
    let mut player = stage.join().await;
    assert_eq!(player.work(3).await.len(), 3);
    stage.broker.recreate_topic(TOPIC);
    stage.broker.write(TOPIC, 0, &["anew"]);
    assert_eq!(player.work(1).await, ["anew"]);
    stage.broker.until_committed(GROUP, (TOPIC, 0), 1).await;
}

async fn what_retention_deleted_is_skipped(stage: Stage) {
    stage.write(0, 4);
    stage.broker.commit(GROUP, TOPIC, 0, 1);
    stage.broker.delete_before(TOPIC, 0, 3);
    let mut player = stage.join().await;
    assert_eq!(player.work(1).await, ["0:3"]);
}

async fn behind_the_end_it_starts_at_the_beginning(stage: Stage) {
    stage.write(0, 4);
    let mut player = stage.join().await;
    assert_eq!(player.work(4).await.len(), 4);
    stage.broker.truncate(TOPIC, 0, 2);
    assert_eq!(player.work(2).await, ["0:0", "0:1"]);
}

async fn a_batch_of_a_topic_that_was_made_anew_is_not_committed_into_it(stage: Stage) {
    stage.write(0, 3);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    // In KIP-848 the coordinator would revoke the old one.
    let silence = Gate::closed();
    let silent = Fault::Held(silence.clone());
    stage.broker.fault::<ConsumerGroupHeartbeatRequest>(silent).always().set();
    stage.broker.recreate_topic(TOPIC);
    stage.write(0, 5);
    assert_eq!(player.lost().await, [at(TOPIC, 0)]);
    let refused = player.commit(&place, &batch).await;
    assert!(matches!(refused, Err(KafkaError::Fenced)), "{refused:?}");
    stage.broker.clear_faults();
    silence.open();
    let values = player.work_until(|_, _| stage.committed(0) == Some(5)).await;
    assert_eq!(values[..5], ["0:0", "0:1", "0:2", "0:3", "0:4"]);
}

async fn a_batch_of_a_log_that_was_cut_off_is_not_committed_into_it(stage: Stage) {
    stage.write(0, 4);
    let mut player = stage.join().await;
    let (place, batch) = player.records().await;
    stage.broker.wait(|seen: &Seen<FetchRequest>| offset(seen) == 4).await;
    stage.broker.truncate(TOPIC, 0, 2);
    assert_eq!(player.lost().await, [at(TOPIC, 0)]);
    let refused = player.commit(&place, &batch).await;
    assert!(matches!(refused, Err(KafkaError::Fenced)), "{refused:?}");
    assert_eq!(player.work(2).await, ["0:0", "0:1"]);
    assert_eq!(stage.committed(0), Some(2));
}

async fn old_fetches_go_by_name(stage: Stage) {
    stage.broker.advertise(ApiKey::Fetch, Some((4, 12)));
    stage.write(0, 1);
    let mut player = stage.join().await;
    assert_eq!(player.work(1).await, ["0:0"]);
    assert_eq!(stage.broker.seen::<FetchRequest>()[0].version, 12);
    let topic = &stage.broker.seen::<FetchRequest>()[0].request.topics[0];
    assert_eq!((&*topic.topic.0, topic.topic_id.is_nil()), (TOPIC, true));
}

async fn whatever_fails_every_record_comes_in_order_and_is_committed(mut stage: Stage) {
    const RECORDS: i64 = 60;
    stage.broker.lead(TOPIC, 1, 2);
    let mut terms = terms();
    terms.max_batch_records = 3;
    let mut player = stage.join_as(terms).await.unwrap();
    let faults = [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::CutOff,
        Fault::Misdirected,
        Fault::Late(REQUEST_TIMEOUT / 8),
    ];
    for (fault, turn) in faults.into_iter().zip(1..) {
        stage.broker.fault::<FetchRequest>(fault.clone()).at(2).after(turn * 3).set();
        stage.broker.fault::<OffsetCommitRequest>(fault.clone()).after(turn * 2).set();
        stage.broker.fault::<HeartbeatRequest>(fault.clone()).after(turn).set();
        stage.broker.fault::<ConsumerGroupHeartbeatRequest>(fault).after(turn).set();
    }
    let mut values = Vec::new();
    for round in 1..=3 {
        stage.write(0, 20);
        stage.write(1, 20);
        let all = Some(RECORDS / 3 * round);
        let more = player.work_until(|_, _| stage.committed(0) == all && stage.committed(1) == all);
        values.extend(more.await);
        stage.broker.stop(2).await;
        stage.broker.open(2).await;
    }
    for partition in 0..2 {
        let prefix = format!("{partition}:");
        let offset = |value: &String| value.strip_prefix(&prefix)?.parse::<i64>().ok();
        let mut offsets: Vec<_> = values.iter().filter_map(offset).collect();
        // What was not committed yet may come again, but never out of turn.
        offsets.dedup();
        let mut seen = -1;
        for offset in offsets {
            assert!(offset <= seen + 1, "{offset} came after {seen}");
            seen = seen.max(offset);
        }
        assert_eq!(seen, RECORDS - 1);
    }
}
