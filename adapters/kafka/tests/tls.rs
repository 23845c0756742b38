//! TLS to a real broker: what goes over it, and who is not trusted.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/corner.rs"]
mod corner;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{
    BusError, Committer as _, ConsumerGroups as _, GroupEvent, GroupMember as _, LogAdmin as _,
};
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::topic::GroupId;
use comptoir_kafka::{GroupProtocol, Settings};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::time::timeout;

use corner::{Corner, noise, value};

/// Signed nothing. It belongs to the tests of TLS to MongoDB, whose `make` says more.
const STRANGER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../mongodb/tls/papers/stranger.pem");
/// Far less than what a call may take that is made again.
const AT_ONCE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(40);

/// Where the broker speaks TLS.
fn broker() -> String {
    server::variable("TEST_KAFKA_TLS")
}

/// The file of the authority that signed its certificate.
fn authority() -> String {
    server::variable("TEST_KAFKA_TLS_CA")
}

/// Trusts the authority of this file.
fn trusting(authority: impl AsRef<Path>, broker: &str) -> Settings {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls_graviola::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut settings = Settings::new([broker]);
    settings.tls = Some(Arc::new(config));
    assert!(settings.call_timeout > AT_ONCE);
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_goes_over_tls() {
    let (broker, authority) = (broker(), authority());
    for protocol in [GroupProtocol::Consumer, GroupProtocol::Classic] {
        let mut settings = trusting(&authority, &broker);
        settings.group_protocol = protocol;
        let corner = Corner::open(settings, "tls").await;
        // TLS cuts it into some forty pieces, each way.
        let large = noise(0, 40_000);
        for text in ["small", &large] {
            corner.publish("k", text).await.unwrap();
        }
        let read: Vec<_> = corner.read_all().await.iter().map(value).collect();
        assert!(read == ["small", &large]);
        timeout(PATIENCE, consume(&corner)).await.unwrap();
        corner.kafka.close().await;
    }
}

/// A group gets both records, and commits them.
async fn consume(corner: &Corner) {
    let group = GroupId::try_from(corner.topic.as_str()).unwrap();
    let topics = [corner.topic.clone()];
    let (mut member, committer) = corner.kafka.groups().join(&group, &topics).await.unwrap();
    let mut consumed = Vec::new();
    while consumed.len() < 2 {
        if let GroupEvent::Records { batch, .. } = member.next().await.unwrap() {
            consumed.extend(batch);
        }
    }
    let next = consumed[1].offset.next();
    committer.commit(&[(corner.at(), next)]).await.unwrap();
    member.leave().await.unwrap();
}

/// Every kind of call is refused, at once, for that reason.
async fn is_refused(settings: Settings, reason: &str) {
    let corner = Corner::new(settings, "untrusted");
    let group = GroupId::try_from("untrusted").unwrap();
    let (groups, admin) = (corner.kafka.groups(), corner.kafka.admin());
    let topics = [corner.topic.clone()];
    refused(corner.publish("k", "v"), reason).await;
    refused(corner.next(), reason).await;
    refused(admin.create_topics(&topics, 1), reason).await;
    refused(groups.join(&group, &topics), reason).await;
}

async fn refused<T>(call: impl Future<Output = Result<T, BusError>>, reason: &str) {
    let answer = timeout(AT_ONCE, call).await.expect("it is not asked again");
    let Err(error @ BusError::Unavailable(_)) = answer else {
        panic!("got {:?}", answer.err());
    };
    let told = told(&error);
    assert!(told.contains("authentication failed") && told.contains(reason), "{told}");
}

/// The error with its causes.
fn told(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_of_a_stranger_is_refused() {
    is_refused(trusting(STRANGER, &broker()), "UnknownIssuer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_of_another_name_is_refused() {
    let settings = trusting(authority(), &broker().replace("localhost", "127.0.0.1"));
    is_refused(settings, "not valid for name").await;
}

/// Whoever wants TLS rather goes without the broker than without TLS.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_without_tls_is_away() {
    let mut settings = trusting(authority(), &server::broker());
    settings.call_timeout = Duration::from_secs(2);
    let corner = Corner::new(settings, "plain");
    let error = timeout(AT_ONCE, corner.publish("k", "v")).await.unwrap().unwrap_err();
    let told = told(&error);
    assert!(told.contains("tls handshake eof"), "{told}");
}
