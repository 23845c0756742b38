use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use super::*;
use crate::settings::{Sasl, SaslMechanism, Secret};

fn alice(mechanism: SaslMechanism) -> Settings {
    let password = Secret::new("pencil");
    Settings {
        sasl: Some(Sasl { mechanism, username: "alice".to_owned(), password }),
        ..settings()
    }
}

/// Connects, while a broker that takes the mechanism answers each token with what `answer` makes of it.
async fn log_in(
    mechanism: SaslMechanism,
    mut answer: impl FnMut(&[u8]) -> SaslAuthenticateResponse,
) -> Result<Connection> {
    let listener = Listener::open().await;
    let address = listener.address();
    let settings = alice(mechanism);
    let broker = async {
        let mut broker = listener.accept().await;
        broker.agree(&offers()).await;
        let asked = broker.hear().await;
        let chosen: SaslHandshakeRequest = asked.body();
        assert_eq!((asked.version, &*chosen.mechanism), (1, mechanism.name()));
        broker.say(&asked, &SaslHandshakeResponse::default()).await;
        loop {
            let asked = broker.hear().await;
            let token: SaslAuthenticateRequest = asked.body();
            broker.say(&asked, &answer(&token.auth_bytes)).await;
        }
    };
    tokio::select! {
        connected = Connection::connect(&address, &settings) => connected,
        () = broker => unreachable!("it goes on for ever"),
    }
}

fn token(bytes: &[u8]) -> SaslAuthenticateResponse {
    SaslAuthenticateResponse::default().with_auth_bytes(Bytes::copy_from_slice(bytes))
}

#[tokio::test]
async fn a_plain_password_is_sent_with_its_name() {
    let logged_in = log_in(SaslMechanism::Plain, |sent| {
        assert_eq!(sent, b"\0alice\0pencil");
        token(b"")
    });
    assert!(logged_in.await.unwrap().is_healthy());
}

#[tokio::test]
async fn a_login_that_expires_ends_before_the_broker_ends_it() {
    let answer = |_: &[u8]| token(b"").with_session_lifetime_ms(1_000);
    let connection = log_in(SaslMechanism::Plain, answer).await.unwrap();
    assert!(connection.is_healthy());
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(950)).await;
    assert!(!connection.is_healthy());
}

#[tokio::test]
async fn a_wrong_password_is_told_in_the_brokers_words() {
    let refused = log_in(SaslMechanism::Plain, |_| {
        SaslAuthenticateResponse::default()
            .with_error_code(ResponseError::SaslAuthenticationFailed.code())
            .with_error_message(Some(StrBytes::from_static_str("no such user")))
    });
    let refused = refused.await.unwrap_err();
    assert_eq!(refused.to_string(), "authentication failed: no such user");
    assert!(!refused.is_retriable());
}

#[tokio::test]
async fn a_broker_that_cannot_prove_the_password_is_not_trusted() {
    let mut rounds = 0;
    let untrusted = log_in(SaslMechanism::ScramSha256, |sent| {
        rounds += 1;
        if rounds == 2 {
            return token(b"v=AAAA");
        }
        let nonce = sent.rsplit(|byte| *byte == b'=').next().unwrap();
        let nonce = std::str::from_utf8(nonce).unwrap();
        token(format!("r={nonce}more,s=c2FsdA==,i=4096").as_bytes())
    });
    let untrusted = untrusted.await.unwrap_err();
    assert!(matches!(untrusted, KafkaError::Unauthenticated { .. }), "{untrusted:?}");
}

#[tokio::test]
async fn a_broker_tells_what_it_takes_instead() {
    let listener = Listener::open().await;
    let address = listener.address();
    let settings = alice(SaslMechanism::ScramSha512);
    let (refused, ()) = tokio::join!(Connection::connect(&address, &settings), async {
        let mut broker = listener.accept().await;
        broker.agree(&offers()).await;
        let asked = broker.hear().await;
        let refusal = SaslHandshakeResponse::default()
            .with_error_code(ResponseError::UnsupportedSaslMechanism.code())
            .with_mechanisms(vec![StrBytes::from_static_str("PLAIN")]);
        broker.say(&asked, &refusal).await;
    });
    let refused = refused.unwrap_err().to_string();
    assert_eq!(refused, "authentication failed: SCRAM-SHA-512 is not among PLAIN");
}

#[test]
fn a_password_is_not_shown() {
    let shown = format!("{:?}", alice(SaslMechanism::Plain));
    assert!(shown.contains("***") && !shown.contains("pencil"), "{shown}");
}
