//! What an operator asks.

use kafka_groups::admin::NewTopic;
use kafka_groups::produce::produce;

use crate::stage::{admin, at, cluster, eventually, fresh, record, topic};

#[tokio::test]
async fn creating_twice_leaves_the_topic_as_it_is() {
    let Some(cluster) = cluster() else { return };
    let name = topic(&cluster, 3, &[]).await;
    let again = NewTopic { name: name.clone(), partitions: 5, replicas: -1, configs: vec![] };
    admin(&cluster).create_topics(&[again]).await.unwrap();
    let topics = admin(&cluster).topics().await.unwrap();
    let created = topics.iter().find(|topic| *topic.name == *name).unwrap();
    assert_eq!(created.partitions.len(), 3);
    assert!(created.partitions.iter().all(|one| one.leader.is_some() && one.in_sync.len() == 1));
    assert!(!created.internal && created.id.is_some());
}

#[tokio::test]
async fn an_invalid_topic_is_refused() {
    let Some(cluster) = cluster() else { return };
    let wrong = NewTopic { name: "a b".to_owned(), partitions: 1, replicas: -1, configs: vec![] };
    let refused = admin(&cluster).create_topics(&[wrong]).await.unwrap_err();
    assert!(!refused.is_retriable(), "{refused:?}");
}

#[tokio::test]
async fn a_deleted_topic_is_gone() {
    let Some(cluster) = cluster() else { return };
    let name = topic(&cluster, 1, &[]).await;
    let missing = fresh("missing");
    admin(&cluster).delete_topics(&[&name, &missing]).await.unwrap();
    // Brokers learn of it a moment later.
    eventually(async || {
        let topics = admin(&cluster).topics().await.unwrap();
        topics.iter().all(|topic| *topic.name != *name).then_some(())
    })
    .await;
}

#[tokio::test]
async fn sizes_grow_with_what_is_written() {
    let Some(cluster) = cluster() else { return };
    let at = at(&topic(&cluster, 1, &[]).await, 0);
    let mut lease = cluster.lease_leader(&at).await.unwrap();
    produce(&mut lease, &at, &[record(vec![b'x'; 10_000])]).await.unwrap();
    let size = admin(&cluster).sizes().await.unwrap()[&at];
    assert!((10_000..11_000).contains(&size), "{size} bytes");
}

#[tokio::test]
async fn the_cluster_has_an_identity() {
    let Some(cluster) = cluster() else { return };
    let id = admin(&cluster).cluster_id().await.unwrap().unwrap();
    assert_eq!(id.len(), 22, "{id} is a UUID in base64");
}
