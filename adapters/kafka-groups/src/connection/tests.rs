mod any_bytes;
mod login;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, FetchRequest, HeartbeatRequest,
    HeartbeatResponse, MetadataRequest,
};
use kafka_protocol::protocol::Message as _;
use tokio::time::Instant;

use super::*;
use responder::{Broker, Listener, offers};

const NO_WAIT: Duration = Duration::ZERO;

fn settings() -> Settings {
    Settings { client_id: "tester".to_owned(), ..Settings::new(["unused"]) }
}

/// A connection, and the broker's end of it.
async fn connected() -> (Connection, Broker) {
    let listener = Listener::open().await;
    let address = listener.address();
    let settings = settings();
    let (connection, broker) = tokio::join!(Connection::connect(&address, &settings), async {
        let mut broker = listener.accept().await;
        broker.agree(&offers()).await;
        broker
    });
    (connection.unwrap(), broker)
}

/// The clock stands still between timers, which are exact to the millisecond.
fn assert_took(start: Instant, expected: Duration) {
    let took = start.elapsed();
    assert!((expected..=expected + Duration::from_millis(2)).contains(&took), "{took:?}");
}

fn cause(error: &KafkaError) -> String {
    std::error::Error::source(error).unwrap().to_string()
}

#[tokio::test]
async fn it_says_who_it_is_and_speaks_the_highest_common_version() {
    let listener = Listener::open().await;
    let address = listener.address();
    let settings = settings();
    let (connection, ()) = tokio::join!(Connection::connect(&address, &settings), async {
        let mut broker = listener.accept().await;
        let asked = broker.hear().await;
        assert_eq!((asked.api, asked.version), (ApiKey::ApiVersions as i16, 3));
        assert_eq!(asked.client_id.as_deref(), Some("tester"));
        let request: ApiVersionsRequest = asked.body();
        assert_eq!(&*request.client_software_name, "kafka-groups");
        assert_eq!(&*request.client_software_version, env!("CARGO_PKG_VERSION"));
        broker.say(&asked, &ApiVersionsResponse::default().with_api_keys(offers())).await;
    });
    let connection = connection.unwrap();
    assert_eq!(connection.version::<HeartbeatRequest>().unwrap(), 3);
    assert_eq!(connection.version::<FetchRequest>().unwrap(), FetchRequest::VERSIONS.max);
    let missing = connection.version::<MetadataRequest>().unwrap_err();
    assert!(matches!(missing, KafkaError::Unsupported { what } if what == "Metadata"));
    assert!(connection.versions::<MetadataRequest>().is_none());
}

#[tokio::test]
async fn an_old_broker_is_asked_again_in_the_oldest_version() {
    let listener = Listener::open().await;
    let address = listener.address();
    let settings = settings();
    let (connection, ()) = tokio::join!(Connection::connect(&address, &settings), async {
        let mut broker = listener.accept().await;
        let asked = broker.hear().await;
        let refusal = ApiVersionsResponse::default()
            .with_error_code(ResponseError::UnsupportedVersion.code())
            .with_api_keys(vec![ApiVersion::default().with_api_key(18).with_max_version(2)]);
        broker.say_in(0, &asked, &refusal).await;
        let asked = broker.hear().await;
        assert_eq!(asked.version, 0);
        broker.say(&asked, &ApiVersionsResponse::default().with_api_keys(offers())).await;
    });
    assert_eq!(connection.unwrap().version::<HeartbeatRequest>().unwrap(), 3);
}

#[tokio::test]
async fn an_answer_belongs_to_its_request() {
    let (mut connection, mut broker) = connected().await;
    for error_code in [27, 0] {
        let request = HeartbeatRequest::default();
        let (answer, ()) = tokio::join!(connection.request(&request, NO_WAIT), async {
            let asked = broker.hear().await;
            broker.say(&asked, &HeartbeatResponse::default().with_error_code(error_code)).await;
        });
        assert_eq!(answer.unwrap().error_code, error_code);
        assert!(connection.is_healthy());
    }
}

#[tokio::test]
async fn an_answer_may_come_byte_by_byte() {
    let (mut connection, mut broker) = connected().await;
    let request = HeartbeatRequest::default();
    let (answer, ()) = tokio::join!(connection.request(&request, NO_WAIT), async {
        let asked = broker.hear().await;
        broker.trickle(&asked, &HeartbeatResponse::default().with_error_code(27)).await;
    });
    assert_eq!(answer.unwrap().error_code, 27);
}

#[tokio::test]
async fn requests_sent_together_are_answered_in_order() {
    let (mut connection, mut broker) = connected().await;
    let requests = [HeartbeatRequest::default(), HeartbeatRequest::default()];
    let (answers, ()) = tokio::join!(connection.request_all(3, &requests, NO_WAIT), async {
        let (first, second) = (broker.hear().await, broker.hear().await);
        broker.say(&first, &HeartbeatResponse::default().with_error_code(1)).await;
        broker.say(&second, &HeartbeatResponse::default().with_error_code(2)).await;
    });
    let codes: Vec<i16> = answers.unwrap().iter().map(|answer| answer.error_code).collect();
    assert_eq!(codes, [1, 2]);
}

#[tokio::test]
async fn a_silent_broker_is_given_up_after_the_time_out_and_what_the_request_waits() {
    let (mut connection, broker) = connected().await;
    tokio::time::pause();
    let start = Instant::now();
    let wait = Duration::from_millis(700);
    let silent = connection.request(&HeartbeatRequest::default(), wait).await.unwrap_err();
    assert!(matches!(silent, KafkaError::Unavailable(_)), "{silent:?}");
    assert_took(start, settings().request_timeout + wait);
    assert!(!connection.is_healthy() && connection.has_failed());
    let again = connection.request(&HeartbeatRequest::default(), wait).await.unwrap_err();
    assert!(cause(&again).contains("given up"), "{again:?}");
    drop(broker);
}

#[tokio::test]
async fn a_broker_that_holds_back_is_given_its_time() {
    let (mut connection, broker) = connected().await;
    tokio::time::pause();
    connection.held_back(2_000);
    let start = Instant::now();
    connection.request(&HeartbeatRequest::default(), NO_WAIT).await.unwrap_err();
    assert_took(start, settings().request_timeout + Duration::from_secs(2));
    drop(broker);
}

#[tokio::test]
async fn who_accepts_and_says_nothing_is_given_up_as_well() {
    let listener = Listener::open().await;
    let settings = Settings { connect_timeout: Duration::from_millis(30), ..settings() };
    let silent = Connection::connect(&listener.address(), &settings).await.unwrap_err();
    assert!(matches!(silent, KafkaError::Unavailable(_)), "{silent:?}");
}

#[tokio::test]
async fn a_dropped_request_spoils_the_connection_but_not_the_broker() {
    let (mut connection, mut broker) = connected().await;
    let request = HeartbeatRequest::default();
    tokio::select! {
        biased;
        _ = connection.request(&request, NO_WAIT) => panic!("nothing was answered"),
        _ = broker.hear() => {}
    }
    assert!(!connection.is_healthy());
    assert!(!connection.has_failed());
    assert!(connection.request(&request, NO_WAIT).await.is_err());
}

#[tokio::test]
async fn a_broker_that_goes_away_is_noticed() {
    let (mut connection, mut broker) = connected().await;
    assert!(!connection.was_closed());
    let request = HeartbeatRequest::default();
    let (answer, ()) = tokio::join!(connection.request(&request, NO_WAIT), async {
        broker.hear().await;
        drop(broker);
    });
    assert!(matches!(answer, Err(KafkaError::Unavailable(_))), "{answer:?}");
    assert!(connection.has_failed());
}

#[tokio::test]
async fn a_closed_connection_is_told_from_an_idle_one() {
    let (mut connection, broker) = connected().await;
    assert!(!connection.was_closed());
    drop(broker);
    // The end is there once the reactor has seen it.
    while !connection.was_closed() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_to_something_else_breaks_the_connection() {
    let (mut connection, mut broker) = connected().await;
    let request = HeartbeatRequest::default();
    let (answer, ()) = tokio::join!(connection.request(&request, NO_WAIT), async {
        let mut asked = broker.hear().await;
        asked.correlation += 1;
        broker.say(&asked, &HeartbeatResponse::default()).await;
    });
    assert!(matches!(answer, Err(KafkaError::Corrupt(_))), "{answer:?}");
    assert!(connection.has_failed());
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read() {
    for length in [i32::MAX, -1] {
        let (mut connection, mut broker) = connected().await;
        let request = HeartbeatRequest::default();
        let (answer, ()) = tokio::join!(connection.request(&request, NO_WAIT), async {
            broker.hear().await;
            broker.write(&length.to_be_bytes()).await;
        });
        assert!(matches!(answer, Err(KafkaError::Corrupt(_))), "{length}: {answer:?}");
        assert!(!connection.is_healthy());
    }
}

#[tokio::test]
async fn a_port_for_tls_is_told_by_its_alert() {
    let listener = Listener::open().await;
    let (address, settings) = (listener.address(), settings());
    let (refused, ()) = tokio::join!(Connection::connect(&address, &settings), async {
        let mut broker = listener.accept().await;
        broker.hear().await;
        // A fatal alert: "internal error".
        broker.write(&[0x15, 0x03, 0x03, 0, 2, 2, 80]).await;
    });
    let told = refused.unwrap_err();
    assert_eq!(told.to_string(), "the broker does not support connections without TLS");
    assert!(!told.is_retriable());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_corrupt() {
    let (mut connection, mut broker) = connected().await;
    let request = HeartbeatRequest::default();
    let (answer, ()) = tokio::join!(connection.request(&request, NO_WAIT), async {
        let asked = broker.hear().await;
        broker.write(&4_i32.to_be_bytes()).await;
        broker.write(&asked.correlation.to_be_bytes()).await;
    });
    assert!(matches!(answer, Err(KafkaError::Corrupt(_))), "{answer:?}");
}

#[tokio::test]
async fn nobody_listens() {
    let listener = Listener::open().await;
    let address = listener.address();
    drop(listener);
    let refused = Connection::connect(&address, &settings()).await.unwrap_err();
    assert!(matches!(refused, KafkaError::Unavailable(_)));
    assert!(cause(&refused).contains(&address), "{refused:?}");
}
