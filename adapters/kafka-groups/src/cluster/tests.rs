mod damaged;
mod retrying;
mod stage;

use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{ApiKey, HeartbeatRequest, MetadataRequest};
use tokio::time::Instant;
use uuid::Uuid;

use super::*;
use stage::Stage;

const NO_WAIT: Duration = Duration::ZERO;
const ORDERS: &str = "orders";

fn orders() -> TopicPartition {
    TopicPartition::new(ORDERS, 0)
}

#[tokio::test]
async fn an_idle_connection_is_used_again() {
    let stage = Stage::open().await;
    let cluster = stage.cluster();
    stage
        .play(async {
            for _ in 0..3 {
                drop(cluster.lease(1).await.unwrap());
            }
            let (one, other) = (cluster.lease(1).await.unwrap(), cluster.lease(1).await.unwrap());
            drop((one, other));
        })
        .await;
    assert_eq!(stage.accepted(), 2);
}

#[tokio::test]
async fn no_more_connections_are_kept_than_set() {
    let stage = Stage::open().await;
    let mut settings = stage.settings();
    settings.idle_connections = 1;
    let cluster = Cluster::new(settings);
    stage
        .play(async {
            let (one, other) =
                (cluster.lease_any().await.unwrap(), cluster.lease_any().await.unwrap());
            drop((one, other));
            let (one, other) =
                (cluster.lease_any().await.unwrap(), cluster.lease_any().await.unwrap());
            drop((one, other));
        })
        .await;
    assert_eq!(stage.accepted(), 3);
}

#[tokio::test]
async fn a_dropped_request_costs_its_connection_only() {
    let stage = Stage::open().await;
    let cluster = stage.cluster();
    stage
        .play(async {
            let (mut one, other) =
                (cluster.lease(1).await.unwrap(), cluster.lease(1).await.unwrap());
            drop(other);
            let request = HeartbeatRequest::default();
            tokio::select! {
                biased;
                _ = one.request(&request, NO_WAIT) => panic!("nothing answers it"),
                () = tokio::task::yield_now() => drop(one),
            }
            drop(cluster.lease(1).await.unwrap());
        })
        .await;
    assert_eq!(stage.accepted(), 2);
    assert_eq!(stage.asked(ApiKey::Metadata), 1);
}

#[tokio::test]
async fn a_broker_that_says_nothing_is_passed_over_and_then_asked_last() {
    let (hung, stage) = (Stage::open().await, Stage::open().await);
    let mut settings = stage.settings();
    settings.connect_timeout = Duration::from_millis(100);
    settings.brokers.push(hung.address());
    let cluster = Cluster::new(settings);
    stage
        .play(async {
            // Whichever comes first: after these two both were tried.
            cluster.lost(&stage.address());
            cluster.lease_any().await.unwrap();
            let start = Instant::now();
            cluster.lease_any().await.unwrap();
            assert!(start.elapsed() < Duration::from_millis(100));
        })
        .await;
    assert_eq!(hung.waiting().await, 1);
}

#[tokio::test]
async fn a_broker_may_change_its_address() {
    let (old, new) = (Stage::open().await, Stage::open().await);
    let mut settings = new.settings();
    settings.brokers.push(old.address());
    let cluster = Cluster::new(settings);
    new.describe(|known| known.broker(1, &old.address()).topic(ORDERS, 1));
    old.describe(|known| known.broker(1, &old.address()).topic(ORDERS, 1));
    let at = orders();
    old.play(new.play(async { drop(cluster.lease_leader(&at).await.unwrap()) })).await;
    drop(old);
    new.describe(|known| known.broker(1, &new.address()).topic(ORDERS, 1));
    // That a connection is dead may show only once it is used.
    let deadline = Instant::now() + Duration::from_secs(5);
    let answered = cluster.retry(deadline, || async {
        let mut lease = cluster.lease_leader(&at).await?;
        lease.request(&MetadataRequest::default(), NO_WAIT).await?;
        Ok(lease.address().to_owned())
    });
    assert_eq!(new.play(answered).await.unwrap(), new.address());
}

#[tokio::test]
async fn a_topic_is_asked_for_until_it_is_known() {
    let stage = Stage::open().await;
    let cluster = stage.cluster();
    let (at, other) = (orders(), TopicPartition::new(ORDERS, 1));
    stage.describe(|known| known.broker(1, &stage.address()).topic(ORDERS, 2));
    stage
        .play(async {
            assert_eq!(cluster.leader(&at).await.unwrap(), 1);
            assert_eq!(cluster.leader(&other).await.unwrap(), 1);
        })
        .await;
    assert_eq!(stage.asked(ApiKey::Metadata), 1);
    cluster.forget_topic(ORDERS);
    stage.play(cluster.topic(ORDERS)).await.unwrap();
    assert_eq!(stage.asked(ApiKey::Metadata), 2);
}

/// A future that nobody polls any more must not keep others from asking.
#[tokio::test]
async fn who_stopped_asking_holds_nobody_up() {
    let stage = Stage::open().await;
    let cluster = stage.cluster();
    stage.describe(|known| known.broker(1, &stage.address()).topic(ORDERS, 1));
    let mut idle = std::pin::pin!(cluster.topic(ORDERS));
    assert!(polled_once(idle.as_mut()).await.is_none(), "it waits for its answer");
    stage.play(cluster.topic(ORDERS)).await.unwrap();
}

/// The output, if it is there at the first poll.
async fn polled_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn what_is_missing_is_told_apart() {
    let stage = Stage::open().await;
    let cluster = stage.cluster();
    stage.describe(|known| known.broker(1, &stage.address()).topic(ORDERS, 1));
    stage
        .play(async {
            let topic = cluster.leader(&TopicPartition::new("other", 0)).await.unwrap_err();
            assert!(matches!(topic, KafkaError::UnknownTopic { name } if name == "other"));
            let partition = cluster.leader(&TopicPartition::new(ORDERS, 1)).await.unwrap_err();
            assert!(matches!(partition, KafkaError::UnknownTopic { name } if name == "orders-1"));
        })
        .await;
    stage.describe(stage::Known::without_leaders);
    cluster.forget_topic(ORDERS);
    let leader = stage.play(cluster.leader(&orders())).await.unwrap_err();
    assert_eq!(leader.refusal(), Some(ResponseError::LeaderNotAvailable));
    assert!(leader.is_retriable());
    // It was forgotten at once, so the next attempt sees the new leader.
    stage.describe(|known| known.topic(ORDERS, 1));
    assert_eq!(stage.play(cluster.leader(&orders())).await.unwrap(), 1);
}

#[tokio::test]
async fn a_broker_that_refuses_to_describe_says_nothing_about_topics() {
    let stage = Stage::open().await;
    let cluster = stage.cluster();
    stage.describe(|known| known.refusing(ResponseError::RebootstrapRequired));
    let refused = stage.play(cluster.topic(ORDERS)).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(ResponseError::RebootstrapRequired));
    assert!(refused.is_retriable());
}

#[tokio::test]
async fn topics_are_known_by_their_ids() {
    let stage = Stage::open().await;
    let cluster = stage.cluster();
    stage.describe(|known| known.broker(1, &stage.address()).topic(ORDERS, 1));
    let (known, unknown) = (stage::id_of(ORDERS), Uuid::from_u128(7));
    stage
        .play(async {
            let names = cluster.topic_names(&[known, unknown]).await.unwrap();
            assert_eq!(names, HashMap::from([(known, Arc::from(ORDERS))]));
            cluster.topic_names(&[known]).await.unwrap();
        })
        .await;
    assert_eq!(stage.asked(ApiKey::Metadata), 1);
}

#[tokio::test]
async fn a_coordinator_is_kept_until_it_is_forgotten() {
    for newest in [1, 3, 4, 6] {
        let stage = Stage::open().await;
        stage.offer(ApiKey::FindCoordinator, newest);
        let cluster = stage.cluster();
        stage
            .play(async {
                drop(cluster.lease_coordinator("group").await.unwrap());
                drop(cluster.lease_coordinator("group").await.unwrap());
                assert_eq!(stage.asked(ApiKey::FindCoordinator), 1, "version {newest}");
                cluster.forget_coordinator("group");
                drop(cluster.lease_coordinator("group").await.unwrap());
                assert_eq!(stage.asked(ApiKey::FindCoordinator), 2, "version {newest}");
            })
            .await;
    }
}

#[tokio::test]
async fn coordinators_of_many_groups_are_asked_for_at_once() {
    let stage = Stage::open().await;
    let cluster = stage.cluster();
    let found = stage.play(cluster.coordinators(&["a", "b", "c"])).await.unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(stage.asked(ApiKey::FindCoordinator), 1);
}

#[test]
fn who_failed_is_asked_last() {
    let mut pools = Pools::new(1);
    pools.lost("b");
    pools.lost("a");
    let mut addresses = ["a", "b", "c", "b"].map(str::to_owned).to_vec();
    pools.answered("a");
    pools.by_trust(&mut addresses);
    assert_eq!(addresses, ["a", "c", "b"]);
}
