//! Fetching and offsets, without a membership.

use std::time::Duration;

use kafka_groups::admin::Admin;
use kafka_groups::fetch::{Fetched, Limits, fetch};
use kafka_groups::offsets::{self, Identity, Spot};
use kafka_groups::{Cluster, KafkaError, TopicPartition};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupDescribeRequest, FetchRequest, FindCoordinatorRequest, ListOffsetsRequest,
    MetadataRequest, OffsetCommitRequest, OffsetFetchRequest,
};
use tokio::time::{Instant, timeout};

use crate::broker::{Broker, Fault, marker};
use crate::stage::{REQUEST_TIMEOUT, at, patient};

pub(crate) const AT_ONCE: Limits =
    Limits { min_bytes: 1, max_bytes: 1 << 20, max_wait: Duration::ZERO };
const PATIENT: Limits = Limits { max_wait: Duration::from_secs(5), ..AT_ONCE };

pub(crate) async fn read(
    cluster: &Cluster,
    at: &TopicPartition,
    from: i64,
    limits: Limits,
) -> Result<Fetched, KafkaError> {
    let mut lease = cluster.lease_leader(at).await?;
    fetch(&mut lease, at, from, limits).await
}

pub(crate) fn values(fetched: &Fetched) -> Vec<&[u8]> {
    fetched.records.iter().map(|record| &record.value.as_ref().unwrap()[..]).collect()
}

fn outsider(group: &str) -> Identity<'_> {
    Identity { group, member: "", epoch: -1, instance: None }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[tokio::test]
async fn records_are_read_by_topic_id_and_by_name() {
    for (newest, is_named) in [(18, false), (12, true), (4, true)] {
        let broker = Broker::start().await;
        broker.advertise(ApiKey::Fetch, Some((4, newest)));
        let id = broker.create_topic("t", 1);
        broker.write("t", 0, &["a", "b"]);
        broker.write("t", 0, &["c"]);
        let fetched = read(&patient(&broker), &at("t", 0), 1, AT_ONCE).await.unwrap();
        assert_eq!(values(&fetched), [b"b", b"c"]);
        assert_eq!((fetched.next, fetched.high_watermark), (3, 3));
        let seen = broker.seen::<FetchRequest>().remove(0);
        assert_eq!(seen.version, newest);
        assert_eq!(seen.request.topics[0].topic_id == id, !is_named);
        assert_eq!(&*seen.request.topics[0].topic == "t", is_named);
    }
}

#[tokio::test]
async fn a_marker_is_passed_over_and_not_shown() {
    let broker = Broker::start().await;
    broker.create_topic("t", 1);
    broker.write("t", 0, &["a"]);
    broker.append("t", 0, &marker());
    let cluster = patient(&broker);
    let fetched = read(&cluster, &at("t", 0), 0, AT_ONCE).await.unwrap();
    assert_eq!((values(&fetched), fetched.next), (vec![&b"a"[..]], 2));
    let fetched = read(&cluster, &at("t", 0), 1, AT_ONCE).await.unwrap();
    assert_eq!((values(&fetched), fetched.next), (vec![], 2));
}

#[tokio::test]
async fn outside_the_log_its_bounds_are_told() {
    let broker = Broker::start().await;
    broker.create_topic("t", 1);
    for value in ["a", "b", "c"] {
        broker.write("t", 0, &[value]);
    }
    broker.delete_before("t", 0, 2);
    let cluster = patient(&broker);
    for outside in [0, 4] {
        let failed = read(&cluster, &at("t", 0), outside, AT_ONCE).await;
        let Err(KafkaError::OutOfRange { earliest: 2, next: 3 }) = failed else {
            panic!("{failed:?}")
        };
    }
    assert!(read(&cluster, &at("t", 0), 3, AT_ONCE).await.unwrap().records.is_empty());
}

#[tokio::test]
async fn a_new_topic_of_the_same_name_is_noticed_by_its_id() {
    let broker = Broker::start().await;
    let old = broker.create_topic("t", 1);
    broker.write("t", 0, &["a"]);
    let cluster = patient(&broker);
    let fetched = read(&cluster, &at("t", 0), 0, AT_ONCE).await.unwrap();
    assert_eq!(fetched.topic_id, Some(old));
    let new = broker.recreate_topic("t");
    broker.write("t", 0, &["z"]);
    let stale = read(&cluster, &at("t", 0), 1, AT_ONCE).await.unwrap_err();
    assert_eq!(stale.refusal(), Some(ResponseError::UnknownTopicId));
    let fetched = read(&cluster, &at("t", 0), 0, AT_ONCE).await.unwrap();
    assert_eq!((fetched.topic_id, values(&fetched)), (Some(new), vec![&b"z"[..]]));
}

#[tokio::test]
async fn a_leader_that_moved_is_found_on_the_next_attempt() {
    let broker = Broker::start_nodes(2).await;
    broker.create_topic("t", 1);
    broker.write("t", 0, &["a"]);
    let cluster = patient(&broker);
    read(&cluster, &at("t", 0), 0, AT_ONCE).await.unwrap();
    broker.lead("t", 0, 2);
    let at = at("t", 0);
    let fetched = cluster.retry(deadline(), || read(&cluster, &at, 0, AT_ONCE)).await.unwrap();
    assert_eq!(values(&fetched), [b"a"]);
    assert_eq!(broker.seen::<FetchRequest>().last().unwrap().node, 2);
}

#[tokio::test]
async fn a_fetch_that_waits_delays_no_commit() {
    let broker = Broker::start().await;
    broker.create_topic("t", 1);
    let cluster = patient(&broker);
    let place = at("t", 0);
    let waits = read(&cluster, &place, 0, PATIENT);
    let commits = async {
        broker.wait::<FetchRequest>(|_| true).await;
        let mut lease = cluster.lease_coordinator("g").await.unwrap();
        let offsets = [(at("t", 0), 3)];
        let asked = Instant::now();
        offsets::commit(&mut lease, outsider("g"), &offsets).await.unwrap();
        assert!(asked.elapsed() < REQUEST_TIMEOUT);
        broker.write("t", 0, &["a"]);
    };
    let (fetched, ()) = tokio::join!(waits, commits);
    assert_eq!(values(&fetched.unwrap()), [b"a"]);
    let (fetch, commit) =
        (broker.seen::<FetchRequest>().remove(0), broker.seen::<OffsetCommitRequest>().remove(0));
    assert_ne!(fetch.connection, commit.connection);
    assert!(commit.answered < fetch.answered);
}

#[tokio::test]
async fn a_commit_that_was_made_but_not_answered_is_repeated_without_harm() {
    let broker = Broker::start().await;
    broker.create_topic("t", 1);
    let cluster = patient(&broker);
    broker.fault::<OffsetCommitRequest>(Fault::DropAfter).set();
    let commit = || async {
        let mut lease = cluster.lease_coordinator("g").await?;
        offsets::commit(&mut lease, outsider("g"), &[(at("t", 0), 3)]).await
    };
    cluster.retry(deadline(), commit).await.unwrap();
    assert_eq!(broker.seen::<OffsetCommitRequest>().len(), 2);
    assert_eq!(broker.committed("g", "t", 0), Some(3));
}

#[tokio::test]
async fn garbage_of_every_kind_is_corrupt() {
    let broker = Broker::start().await;
    broker.create_topic("t", 1);
    let cluster = patient(&broker);
    let place = at("t", 0);
    let places = std::slice::from_ref(&place);
    let corrupt = |what: &str, error: Option<KafkaError>| {
        assert!(matches!(error, Some(KafkaError::Corrupt(_))), "{what}: {error:?}");
    };
    broker.fault::<MetadataRequest>(Fault::Garbage).set();
    corrupt("metadata", cluster.topic("t").await.err());
    broker.fault::<FindCoordinatorRequest>(Fault::Garbage).set();
    corrupt("coordinator", cluster.lease_coordinator("g").await.err());
    broker.fault::<OffsetFetchRequest>(Fault::Garbage).set();
    let mut lease = cluster.lease_coordinator("g").await.unwrap();
    corrupt("offsets", offsets::committed(&mut lease, outsider("g"), places).await.err());
    broker.fault::<OffsetCommitRequest>(Fault::Garbage).set();
    let mut lease = cluster.lease_coordinator("g").await.unwrap();
    let commit = offsets::commit(&mut lease, outsider("g"), &[(place.clone(), 1)]).await;
    corrupt("commit", commit.err());
    broker.fault::<FetchRequest>(Fault::Garbage).set();
    corrupt("fetch", read(&cluster, &place, 0, AT_ONCE).await.err());
    broker.fault::<ListOffsetsRequest>(Fault::Garbage).set();
    corrupt("bounds", offsets::list(&cluster, places, Spot::Latest).await.err());
    broker.fault::<ConsumerGroupDescribeRequest>(Fault::Garbage).set();
    let admin = Admin::new(&cluster, Duration::from_secs(5));
    corrupt("group", admin.describe_groups(&["g"]).await.err());
}

#[tokio::test]
async fn a_commit_that_is_not_confirmed_counts_as_not_made() {
    let broker = Broker::start().await;
    broker.create_topic("t", 2);
    let silent = Fault::altered::<OffsetCommitRequest>(|answer| {
        answer.topics[0].partitions.pop();
    });
    broker.fault::<OffsetCommitRequest>(silent).set();
    let mut lease = patient(&broker).lease_coordinator("g").await.unwrap();
    let offsets = [(at("t", 0), 3), (at("t", 1), 3)];
    let confirmed = offsets::commit(&mut lease, outsider("g"), &offsets).await;
    assert!(matches!(confirmed, Err(KafkaError::Corrupt(_))), "{confirmed:?}");
}

#[tokio::test]
async fn a_coordinator_that_moved_is_found_on_the_next_attempt() {
    let broker = Broker::start_nodes(2).await;
    broker.create_topic("t", 2);
    broker.commit("g", "t", 0, 5);
    let cluster = patient(&broker);
    let partitions = [at("t", 0), at("t", 1)];
    let look_up = || async {
        let mut lease = cluster.lease_coordinator("g").await?;
        offsets::committed(&mut lease, outsider("g"), &partitions).await
    };
    look_up().await.unwrap();
    broker.coordinate("g", 2);
    let found = cluster.retry(deadline(), look_up).await.unwrap();
    assert_eq!((found[&partitions[0]], found[&partitions[1]]), (Some(5), None));
    assert_eq!(broker.seen::<OffsetFetchRequest>().last().unwrap().node, 2);
}

#[tokio::test]
async fn what_was_committed_is_never_guessed() {
    for refusal in [ResponseError::StaleMemberEpoch, ResponseError::UnknownMemberId] {
        for newest in [9, 7] {
            let broker = Broker::start().await;
            broker.create_topic("t", 1);
            broker.advertise(ApiKey::OffsetFetch, Some((1, newest)));
            broker.fault::<OffsetFetchRequest>(Fault::Refuse(refusal)).set();
            let mut lease = patient(&broker).lease_coordinator("g").await.unwrap();
            let failed = offsets::committed(&mut lease, outsider("g"), &[at("t", 0)]).await;
            assert_eq!(failed.unwrap_err().refusal(), Some(refusal), "version {newest}");
        }
    }
}

#[tokio::test]
async fn old_versions_find_coordinators_and_offsets_too() {
    let broker = Broker::start().await;
    broker.create_topic("t", 1);
    broker.commit("g", "t", 0, 7);
    broker.advertise(ApiKey::FindCoordinator, Some((0, 3)));
    broker.advertise(ApiKey::OffsetFetch, Some((1, 5)));
    broker.advertise(ApiKey::OffsetCommit, Some((2, 6)));
    broker.advertise(ApiKey::Metadata, Some((0, 9)));
    broker.advertise(ApiKey::ListOffsets, Some((1, 2)));
    let cluster = patient(&broker);
    let place = at("t", 0);
    let mut lease = cluster.lease_coordinator("g").await.unwrap();
    let found = offsets::committed(&mut lease, outsider("g"), std::slice::from_ref(&place)).await;
    assert_eq!(found.unwrap()[&place], Some(7));
    offsets::commit(&mut lease, outsider("g"), &[(place.clone(), 8)]).await.unwrap();
    assert_eq!(broker.committed("g", "t", 0), Some(8));
    broker.write("t", 0, &["a"]);
    let next = offsets::list(&cluster, std::slice::from_ref(&place), Spot::Latest).await.unwrap();
    assert_eq!(next[&place], 1);
    assert_eq!(broker.seen::<ListOffsetsRequest>()[0].version, 2);
    assert_eq!(broker.seen::<MetadataRequest>()[0].version, 9);
}

#[tokio::test]
async fn a_coordinator_that_is_elected_meanwhile_is_waited_for() {
    let broker = Broker::start().await;
    let away = Fault::Refuse(ResponseError::CoordinatorNotAvailable);
    broker.fault::<FindCoordinatorRequest>(away).times(2).set();
    let cluster = patient(&broker);
    let found = cluster.retry(deadline(), || cluster.lease_coordinator("g")).await;
    found.unwrap();
    assert_eq!(broker.seen::<FindCoordinatorRequest>().len(), 3);
}

#[tokio::test]
async fn repeating_ends_with_the_deadline() {
    let broker = Broker::start().await;
    let away = Fault::Refuse(ResponseError::CoordinatorNotAvailable);
    broker.fault::<FindCoordinatorRequest>(away).always().set();
    let cluster = patient(&broker);
    let until = Instant::now() + REQUEST_TIMEOUT;
    let asked =
        timeout(REQUEST_TIMEOUT * 3, cluster.retry(until, || cluster.lease_coordinator("g")));
    let failed = asked.await.unwrap().unwrap_err();
    assert_eq!(failed.refusal(), Some(ResponseError::CoordinatorNotAvailable));
}
