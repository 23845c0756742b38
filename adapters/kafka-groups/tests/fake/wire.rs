//! Connections: answers that are late, missing, cut off or somebody else's.

use std::time::Duration;

use kafka_groups::{Cluster, KafkaError, Sasl, SaslMechanism, Secret};
use kafka_protocol::messages::{ApiKey, ListGroupsRequest, ListGroupsResponse};
use tokio::time::{Instant, timeout};

use crate::broker::{Broker, Fault, Gate};
use crate::stage::{REQUEST_TIMEOUT, hasty, patient, settings};

type Listed = Result<ListGroupsResponse, KafkaError>;

async fn list(cluster: &Cluster) -> Listed {
    let mut lease = cluster.lease_any().await?;
    lease.request(&ListGroupsRequest::default(), Duration::ZERO).await
}

/// Fails the first of two requests; returns how it failed, and whether the second one, which must
/// succeed, came over another connection.
async fn fail_one(fault: Fault) -> (KafkaError, bool) {
    let broker = Broker::start().await;
    let cluster = hasty(&broker);
    broker.fault::<ListGroupsRequest>(fault).set();
    let failed = list(&cluster).await.unwrap_err();
    list(&cluster).await.unwrap();
    let seen = broker.seen::<ListGroupsRequest>();
    (failed, seen[0].connection != seen[1].connection)
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_corrupt_and_ends_its_connection() {
    for fault in [Fault::Garbage, Fault::Truncated, Fault::Misdirected, Fault::Endless] {
        let (failed, reconnected) = fail_one(fault).await;
        assert!(matches!(failed, KafkaError::Corrupt(_)), "{failed:?}");
        assert!(reconnected);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_cluster_unavailable_for_that_request() {
    for fault in [Fault::DropBefore, Fault::DropAfter, Fault::CutOff] {
        let (failed, reconnected) = fail_one(fault).await;
        assert!(matches!(failed, KafkaError::Unavailable(_)), "{failed:?}");
        assert!(reconnected);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_with_the_deadline() {
    for fault in [Fault::Hang, Fault::Late(REQUEST_TIMEOUT * 4)] {
        let asked = Instant::now();
        let (failed, reconnected) = fail_one(fault).await;
        assert!(matches!(failed, KafkaError::Unavailable(_)), "{failed:?}");
        assert!(asked.elapsed() >= REQUEST_TIMEOUT);
        assert!(asked.elapsed() < REQUEST_TIMEOUT * 3, "{:?}", asked.elapsed());
        assert!(reconnected);
    }
}

#[tokio::test]
async fn an_answer_that_is_late_but_in_time_is_taken() {
    let broker = Broker::start().await;
    let cluster = patient(&broker);
    broker.fault::<ListGroupsRequest>(Fault::Late(REQUEST_TIMEOUT / 4)).set();
    list(&cluster).await.unwrap();
    list(&cluster).await.unwrap();
    let seen = broker.seen::<ListGroupsRequest>();
    assert_eq!(seen[0].connection, seen[1].connection);
}

#[tokio::test]
async fn a_request_that_is_dropped_takes_its_connection_with_it() {
    let broker = Broker::start().await;
    let cluster = hasty(&broker);
    let gate = Gate::closed();
    broker.fault::<ListGroupsRequest>(Fault::Held(gate.clone())).set();
    tokio::select! {
        _ = list(&cluster) => panic!("the answer is held back"),
        _ = broker.wait::<ListGroupsRequest>(|_| true) => {}
    }
    gate.open();
    list(&cluster).await.unwrap();
    let seen = broker.seen::<ListGroupsRequest>();
    assert_ne!(seen[0].connection, seen[1].connection);
}

#[tokio::test]
async fn a_broker_that_hangs_is_waited_for_no_longer_than_the_deadline_and_used_again_after_it() {
    let broker = Broker::start().await;
    let cluster = hasty(&broker);
    list(&cluster).await.unwrap();
    broker.freeze(1);
    for _ in 0..2 {
        let hung = timeout(REQUEST_TIMEOUT * 5, list(&cluster)).await.unwrap();
        assert!(matches!(hung, Err(KafkaError::Unavailable(_))), "{hung:?}");
    }
    broker.thaw(1);
    list(&cluster).await.unwrap();
}

#[tokio::test]
async fn a_broker_that_restarts_is_found_again() {
    let mut broker = Broker::start().await;
    let cluster = hasty(&broker);
    list(&cluster).await.unwrap();
    broker.stop(1).await;
    let away = list(&cluster).await;
    assert!(matches!(away, Err(KafkaError::Unavailable(_))), "{away:?}");
    broker.open(1).await;
    list(&cluster).await.unwrap();
}

#[tokio::test]
async fn connections_that_a_restart_closed_are_not_used_again() {
    let mut broker = Broker::start().await;
    let cluster = hasty(&broker);
    let (one, two) = (cluster.lease_any().await.unwrap(), cluster.lease_any().await.unwrap());
    drop((one, two));
    broker.stop(1).await;
    broker.open(1).await;
    list(&cluster).await.unwrap();
}

#[tokio::test]
async fn another_broker_is_asked_if_the_first_one_hangs() {
    let broker = Broker::start_nodes(2).await;
    broker.freeze(1);
    let cluster = hasty(&broker);
    list(&cluster).await.unwrap();
    assert_eq!(broker.seen::<ListGroupsRequest>()[0].node, 2);
}

#[tokio::test]
async fn versions_are_agreed_on_with_brokers_that_know_less() {
    let broker = Broker::start().await;
    broker.advertise(ApiKey::ListGroups, Some((0, 2)));
    broker.advertise(ApiKey::ApiVersions, Some((0, 2)));
    let cluster = hasty(&broker);
    list(&cluster).await.unwrap();
    assert_eq!(broker.seen::<ListGroupsRequest>()[0].version, 2);
    broker.advertise(ApiKey::ListGroups, None);
    let missing = list(&Cluster::new(settings(&broker))).await;
    assert!(matches!(missing, Err(KafkaError::Unsupported { .. })), "{missing:?}");
}

#[tokio::test]
async fn a_login_is_made_on_each_connection() {
    let broker = Broker::start().await;
    broker.require_login("shop", "s3cret");
    let with = |password: &str| {
        let mut settings = settings(&broker);
        settings.sasl = Some(Sasl {
            mechanism: SaslMechanism::Plain,
            username: "shop".to_owned(),
            password: Secret::new(password),
        });
        Cluster::new(settings)
    };
    list(&with("s3cret")).await.unwrap();
    let refused = list(&with("secret")).await;
    assert!(matches!(refused, Err(KafkaError::Unauthenticated { .. })), "{refused:?}");
}
