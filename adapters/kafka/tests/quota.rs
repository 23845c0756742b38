//! A producer that a quota holds back: it becomes slow, and nothing is appended over and over.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/corner.rs"]
mod corner;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use comptoir_domain::port::bus::Publisher as _;
use comptoir_domain::port::platform::Log as _;
use comptoir_kafka::{Compression, Settings};
use kafka_groups::Cluster;
use kafka_protocol::messages::AlterClientQuotasRequest;
use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::protocol::StrBytes;

use corner::{Corner, noise};

/// Bytes per second that the client may append, and bytes that it appends in one call.
const QUOTA: f64 = 40_000.0;
const CALL_BYTES: u64 = 150_000;
const RECORDS: u64 = 50;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

async fn set_quota(broker: &str, client: &str) {
    let entity = EntityData::default()
        .with_entity_type(text("client-id"))
        .with_entity_name(Some(text(client)));
    let rate = OpData::default().with_key(text("producer_byte_rate")).with_value(QUOTA);
    let entry = EntryData::default().with_entity(vec![entity]).with_ops(vec![rate]);
    let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    let cluster = Cluster::new(kafka_groups::Settings::new([broker]));
    let mut lease = cluster.lease_any().await.unwrap();
    let answer = lease.request(&request, Duration::ZERO).await.unwrap();
    assert_eq!(answer.entries[0].error_code, 0, "{answer:?}");
}

async fn throttled(compression: Compression) -> (u64, u64) {
    let broker = server::broker();
    let client = format!("throttled-{}", server::suffix());
    set_quota(&broker, &client).await;
    let mut settings = Settings::new([&broker]);
    settings.client_id = client;
    settings.compression = compression;
    settings.request_timeout = Duration::from_secs(2);
    settings.call_timeout = Duration::from_secs(40);
    let corner = Corner::open(settings, "quota").await;
    let mut published = 0;
    for call in 0..3 {
        let value = |n: u64| noise(call * RECORDS + n, CALL_BYTES / RECORDS / 16);
        let records = (0..RECORDS).map(|n| corner.outgoing("k", &value(n))).collect();
        corner.kafka.publisher().publish(records).await.unwrap();
        published += RECORDS;
    }
    (published, corner.next().await.unwrap().0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_publisher_appends_everything_once() {
    let (published, stored) = throttled(Compression::None).await;
    assert_eq!(stored, published);
}

/// rskafka takes a throttled answer for a refusal and repeats the request without end. It is kept
/// from that, after some repetitions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_publisher_of_packed_batches_comes_to_an_end() {
    let (published, stored) = throttled(Compression::Snappy).await;
    assert!((published..=4 * published).contains(&stored), "{stored} for {published}");
}
