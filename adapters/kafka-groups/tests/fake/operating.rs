//! Writing, and the small administration.

use std::time::Duration;

use kafka_groups::KafkaError;
use kafka_groups::admin::{Admin, NewTopic};
use kafka_groups::batch::NewRecord;
use kafka_groups::offsets::{self, Spot};
use kafka_groups::produce::produce;
use kafka_protocol::messages::{CreateTopicsRequest, ProduceRequest};

use crate::broker::{Broker, Fault};
use crate::reading::{AT_ONCE, read, values};
use crate::stage::{REQUEST_TIMEOUT, at, hasty, patient};

#[tokio::test]
async fn offsets_are_listed_by_place_and_by_time() {
    let broker = Broker::start().await;
    broker.create_topic("t", 2);
    broker.write("t", 1, &["a", "b", "c"]);
    broker.delete_before("t", 1, 1);
    let cluster = patient(&broker);
    let partitions = [at("t", 0), at("t", 1)];
    for (spot, offsets) in
        [(Spot::Earliest, (0, 1)), (Spot::Latest, (0, 3)), (Spot::From(1_700_000_000_002), (-1, 2))]
    {
        let found = offsets::list(&cluster, &partitions, spot).await.unwrap();
        assert_eq!((found[&partitions[0]], found[&partitions[1]]), offsets, "{spot:?}");
    }
}

#[tokio::test]
async fn what_is_produced_can_be_read() {
    let broker = Broker::start().await;
    broker.create_topic("t", 1);
    let cluster = patient(&broker);
    let place = at("t", 0);
    let record = NewRecord { value: Some("a".into()), ..NewRecord::default() };
    let mut lease = cluster.lease_leader(&place).await.unwrap();
    assert_eq!(produce(&mut lease, &place, std::slice::from_ref(&record)).await.unwrap(), 0);
    assert_eq!(produce(&mut lease, &place, &[record.clone(), record]).await.unwrap(), 1);
    drop(lease);
    let fetched = read(&cluster, &place, 0, AT_ONCE).await.unwrap();
    assert_eq!(values(&fetched), [b"a"; 3]);
}

#[tokio::test]
async fn a_quota_slows_down_and_repeats_nothing() {
    let broker = Broker::start().await;
    broker.create_topic("t", 1);
    let cluster = hasty(&broker);
    let place = at("t", 0);
    let record = NewRecord { value: Some("a".into()), ..NewRecord::default() };
    let held = i32::try_from((REQUEST_TIMEOUT * 3).as_millis()).unwrap();
    let throttled = Fault::altered::<ProduceRequest>(move |answer| answer.throttle_time_ms = held);
    broker.fault::<ProduceRequest>(throttled).set();
    // The broker does not read from the connection for as long as it said.
    broker.fault::<ProduceRequest>(Fault::Late(REQUEST_TIMEOUT * 3 / 2)).set();
    let mut lease = cluster.lease_leader(&place).await.unwrap();
    assert_eq!(produce(&mut lease, &place, std::slice::from_ref(&record)).await.unwrap(), 0);
    assert_eq!(produce(&mut lease, &place, &[record]).await.unwrap(), 1);
    assert_eq!(broker.seen::<ProduceRequest>().len(), 2);
}

#[tokio::test]
async fn topics_are_created_once_emptied_and_deleted() {
    let broker = Broker::start().await;
    let cluster = patient(&broker);
    let admin = Admin::new(&cluster, Duration::from_secs(5));
    let topic = NewTopic { name: "t".to_owned(), partitions: 2, replicas: -1, configs: vec![] };
    broker.fault::<CreateTopicsRequest>(Fault::DropAfter).set();
    for _ in 0..2 {
        admin.create_topics(std::slice::from_ref(&topic)).await.unwrap();
    }
    assert_eq!(cluster.topic("t").await.unwrap().partitions.len(), 2);
    broker.write("t", 1, &["a"]);
    broker.write("t", 1, &["b"]);
    let sizes = admin.sizes().await.unwrap();
    let starts = admin.delete_records(&[(at("t", 1), 1)]).await.unwrap();
    assert_eq!(starts[&at("t", 1)], 1);
    let smaller = admin.sizes().await.unwrap();
    assert!(smaller[&at("t", 1)] < sizes[&at("t", 1)] && smaller[&at("t", 0)] == 0);
    for _ in 0..2 {
        admin.delete_topics(&["t"]).await.unwrap();
    }
    assert!(admin.topics().await.unwrap().is_empty());
    let missing = cluster.topic("u").await;
    assert!(matches!(missing, Err(KafkaError::UnknownTopic { .. })), "{missing:?}");
}
