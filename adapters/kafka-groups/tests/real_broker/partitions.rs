//! Writing to and reading from partitions.

use bytes::Bytes;
use kafka_groups::batch::{Header, NewRecord};
use kafka_groups::fetch::{Limits, fetch};
use kafka_groups::offsets::{self, Spot};
use kafka_groups::produce::{OrderedProducer, produce};
use kafka_groups::{Cluster, KafkaError, Record, TopicPartition};

use crate::stage::{LIMITS, admin, at, cluster, fresh, record, soon, topic};

async fn append(cluster: &Cluster, at: &TopicPartition, records: &[NewRecord]) -> i64 {
    // The broker may tell of a new topic before it leads it.
    let append = || async {
        let mut lease = cluster.lease_leader(at).await?;
        produce(&mut lease, at, records).await
    };
    cluster.retry(soon(), append).await.unwrap()
}

async fn read(cluster: &Cluster, at: &TopicPartition, from: i64) -> Vec<Record> {
    let mut lease = cluster.lease_leader(at).await.unwrap();
    fetch(&mut lease, at, from, LIMITS).await.unwrap().records
}

#[tokio::test]
async fn a_record_comes_back_as_it_was_written() {
    let Some(cluster) = cluster() else { return };
    let at = at(&topic(&cluster, 1, &[]).await, 0);
    let name = Bytes::from_static(b"trace");
    let headers: Vec<Header> = vec![
        (name.clone(), Some(Bytes::from_static(b"1"))),
        (Bytes::from_static(b"other"), None),
        (name, Some(Bytes::from_static(b"2"))),
    ];
    let key = Some(Bytes::from_static(b"key"));
    let full = NewRecord { key: key.clone(), headers: headers.clone(), ..record("value") };
    let deletion = NewRecord { key, value: None, ..full.clone() };
    let first = append(&cluster, &at, &[full.clone(), deletion.clone()]).await;
    assert_eq!(first, 0);
    let came = read(&cluster, &at, 0).await;
    let of = |offset, new: NewRecord| Record {
        offset,
        timestamp: new.timestamp,
        key: new.key,
        value: new.value,
        headers: new.headers,
    };
    assert_eq!(came, vec![of(0, full), of(1, deletion)]);
}

#[tokio::test]
async fn reading_goes_on_in_the_middle_of_a_batch() {
    let Some(cluster) = cluster() else { return };
    let at = at(&topic(&cluster, 1, &[]).await, 0);
    let records: Vec<NewRecord> = (0..10).map(|n| record(format!("{n}"))).collect();
    append(&cluster, &at, &records).await;
    let came = read(&cluster, &at, 7).await;
    let offsets: Vec<i64> = came.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, vec![7, 8, 9]);
    let mut lease = cluster.lease_leader(&at).await.unwrap();
    let end = fetch(&mut lease, &at, 10, Limits { max_wait: LIMITS.max_wait / 10, ..LIMITS })
        .await
        .unwrap();
    assert_eq!((end.records.len(), end.next, end.high_watermark, end.log_start), (0, 10, 10, 0));
    assert_eq!(end.topic_id, cluster.topic(&at.topic).await.unwrap().id);
}

#[tokio::test]
async fn every_compression_of_the_broker_is_read() {
    let Some(cluster) = cluster() else { return };
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        // The broker packs anew what comes packed in another way.
        let at = at(&topic(&cluster, 1, &[("compression.type", codec)]).await, 0);
        let records: Vec<NewRecord> =
            (0..500).map(|n| record(format!("{codec} {n} {}", "x".repeat(n)))).collect();
        append(&cluster, &at, &records).await;
        let came = read(&cluster, &at, 0).await;
        assert_eq!(came.len(), 500, "{codec}");
        assert!(came.iter().zip(&records).all(|(came, sent)| came.value == sent.value), "{codec}");
    }
}

#[tokio::test]
async fn outside_the_log_is_an_error_with_its_bounds() {
    let Some(cluster) = cluster() else { return };
    let at = at(&topic(&cluster, 1, &[]).await, 0);
    let latest = NewRecord { timestamp: 1_700_000_000_001, ..record("c") };
    append(&cluster, &at, &[record("a"), record("b"), latest]).await;
    let starts = admin(&cluster).delete_records(&[(at.clone(), 2)]).await.unwrap();
    assert_eq!(starts[&at], 2);
    let mut lease = cluster.lease_leader(&at).await.unwrap();
    for outside in [1, 4] {
        let refused = fetch(&mut lease, &at, outside, LIMITS).await;
        let bounds = matches!(refused, Err(KafkaError::OutOfRange { earliest: 2, next: 3 }));
        assert!(bounds, "at {outside}: {refused:?}");
    }
    let asked = [at.clone()];
    assert_eq!(offsets::list(&cluster, &asked, Spot::Earliest).await.unwrap()[&at], 2);
    assert_eq!(offsets::list(&cluster, &asked, Spot::Latest).await.unwrap()[&at], 3);
    assert_eq!(offsets::list(&cluster, &asked, Spot::MaxTimestamp).await.unwrap()[&at], 2);
    assert_eq!(offsets::list(&cluster, &asked, Spot::From(0)).await.unwrap()[&at], 2);
}

#[tokio::test]
async fn what_is_too_large_is_told_apart() {
    let Some(cluster) = cluster() else { return };
    let at = at(&topic(&cluster, 1, &[("max.message.bytes", "1000")]).await, 0);
    let mut lease = cluster.lease_leader(&at).await.unwrap();
    let refused = produce(&mut lease, &at, &[record(vec![b'x'; 2000])]).await;
    assert!(matches!(refused, Err(KafkaError::TooLarge { bytes }) if bytes > 2000), "{refused:?}");
}

#[tokio::test]
async fn there_is_no_such_topic() {
    let Some(cluster) = cluster() else { return };
    let missing = fresh("missing");
    let topic_missing = cluster.lease_leader(&at(&missing, 0)).await;
    assert!(matches!(topic_missing, Err(KafkaError::UnknownTopic { .. })), "{topic_missing:?}");
    let name = topic(&cluster, 1, &[]).await;
    let partition_missing = cluster.lease_leader(&at(&name, 1)).await;
    assert!(
        matches!(partition_missing, Err(KafkaError::UnknownTopic { name: told }) if told == format!("{name}-1"))
    );
}

#[tokio::test]
async fn another_topic_of_the_same_name_is_noticed() {
    let Some(cluster) = cluster() else { return };
    let name = topic(&cluster, 1, &[]).await;
    let at = at(&name, 0);
    append(&cluster, &at, &[record("old")]).await;
    let mut lease = cluster.lease_leader(&at).await.unwrap();
    let old = fetch(&mut lease, &at, 0, LIMITS).await.unwrap();
    // Someone else takes its place behind our back.
    let other = Cluster::new(cluster.settings().clone());
    admin(&other).delete_topics(&[&name]).await.unwrap();
    let again = kafka_groups::admin::NewTopic {
        name: name.clone(),
        partitions: 1,
        replicas: -1,
        configs: vec![],
    };
    admin(&other).create_topics(&[again]).await.unwrap();
    append(&other, &at, &[record("new")]).await;
    let new = cluster
        .retry(soon(), || async {
            let mut lease = cluster.lease_leader(&at).await?;
            fetch(&mut lease, &at, 0, LIMITS).await
        })
        .await
        .unwrap();
    assert_eq!(new.records[0].value.as_deref(), Some(&b"new"[..]));
    assert_ne!(new.topic_id, old.topic_id);
}

#[tokio::test]
async fn batches_under_way_together_keep_their_order_and_repeat_without_trace() {
    let Some(cluster) = cluster() else { return };
    let at = at(&topic(&cluster, 1, &[]).await, 0);
    let start = || OrderedProducer::start(&cluster, at.clone());
    let mut producer = cluster.retry(soon(), start).await.unwrap();
    let mut lease = cluster.lease_leader(&at).await.unwrap();
    let batches: Vec<Vec<NewRecord>> =
        (0..5).map(|batch| (0..3).map(|n| record(format!("{batch}.{n}"))).collect()).collect();
    let offsets = producer.produce(&mut lease, &batches).await.unwrap();
    assert_eq!(offsets, vec![0, 3, 6, 9, 12]);
    let offsets = producer.produce(&mut lease, &batches[..2]).await.unwrap();
    assert_eq!(offsets, vec![15, 18]);
    assert_eq!(read(&cluster, &at, 0).await.len(), 21);
}
