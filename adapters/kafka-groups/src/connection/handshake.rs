//! What happens before the first request: agreeing on versions (KIP-35, KIP-511), logging in
//! (KIP-43, KIP-152, KIP-368).

use std::time::Duration;

use bytes::{Buf as _, Bytes};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_protocol::protocol::{StrBytes, VersionRange};
use tokio::time::Instant;

use super::scram::{Hash, Scram, ServerProof};
use super::{Connection, frame};
use crate::error::{KafkaError, Result};
use crate::settings::{Sasl, SaslMechanism};

const CLIENT: &str = "kafka-groups";
/// The first version with the client's name and version.
const NAMED: i16 = 3;

/// Learns which versions of which requests the broker knows.
pub(super) async fn agree_on_versions(connection: &mut Connection) -> Result<()> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str(CLIENT))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    let mut answer = ask_versions(connection, NAMED, &request).await?;
    if answer.is_none() {
        answer = ask_versions(connection, 0, &ApiVersionsRequest::default()).await?;
    }
    let refused = |error| KafkaError::refused(ApiKey::ApiVersions, error);
    let answer = answer.ok_or_else(|| refused(ResponseError::UnsupportedVersion))?;
    if let Some(error) = ResponseError::try_from_code(answer.error_code) {
        return Err(refused(error));
    }
    connection.versions = answer
        .api_keys
        .iter()
        .map(|api| (api.api_key, VersionRange { min: api.min_version, max: api.max_version }))
        .collect();
    Ok(())
}

/// `None` if the broker does not know this version of the question: then it answers in version 0,
/// which must not be read as another.
async fn ask_versions(
    connection: &mut Connection,
    version: i16,
    request: &ApiVersionsRequest,
) -> Result<Option<ApiVersionsResponse>> {
    let mut frames = bytes::BytesMut::new();
    let id = connection.encode(&mut frames, version, request)?;
    let answer = connection.exchange(&frames, 1, Duration::ZERO).await?.remove(0);
    let body = connection.body::<ApiVersionsRequest>(version, id, answer)?;
    if body.len() >= 2 && (&body[..2]).get_i16() == ResponseError::UnsupportedVersion.code() {
        return Ok(None);
    }
    frame::decode_body::<ApiVersionsRequest>(body, version).map(Some)
}

/// Logs in.
pub(super) async fn log_in(connection: &mut Connection, sasl: &Sasl) -> Result<()> {
    choose_mechanism(connection, sasl.mechanism).await?;
    match sasl.mechanism {
        SaslMechanism::Plain => {
            let token = format!("\0{}\0{}", sasl.username, sasl.password.expose());
            authenticate(connection, token.into()).await?;
            Ok(())
        }
        SaslMechanism::ScramSha256 => scram(connection, sasl, Hash::Sha256).await,
        SaslMechanism::ScramSha512 => scram(connection, sasl, Hash::Sha512).await,
    }
}

async fn choose_mechanism(connection: &mut Connection, mechanism: SaslMechanism) -> Result<()> {
    // With version 0 the tokens that follow would not be requests.
    let version = connection.version::<SaslHandshakeRequest>()?;
    if version < 1 {
        return Err(KafkaError::Unsupported { what: "SaslAuthenticate".to_owned() });
    }
    let request =
        SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism.name()));
    let answer = connection.request_at(version, &request, Duration::ZERO).await?;
    match ResponseError::try_from_code(answer.error_code) {
        None => Ok(()),
        Some(ResponseError::UnsupportedSaslMechanism) => {
            let offered: Vec<&str> = answer.mechanisms.iter().map(StrBytes::as_str).collect();
            let (asked, offered) = (mechanism.name(), offered.join(", "));
            Err(KafkaError::Unauthenticated { why: format!("{asked} is not among {offered}") })
        }
        Some(error) => Err(KafkaError::refused(ApiKey::SaslHandshake, error)),
    }
}

async fn scram(connection: &mut Connection, sasl: &Sasl, hash: Hash) -> Result<()> {
    let nonce = super::scram::nonce().map_err(KafkaError::unavailable)?;
    let (scram, first) = Scram::start(hash, &sasl.username, &nonce);
    let challenge = authenticate(connection, first.into()).await?;
    let password = sasl.password.clone();
    // Thousands of rounds of hashing: too long for a thread that serves connections.
    let (last, proof): (String, ServerProof) =
        tokio::task::spawn_blocking(move || scram.answer(password.expose(), &challenge))
            .await
            .map_err(KafkaError::unavailable)?
            .map_err(unauthenticated)?;
    let outcome = authenticate(connection, last.into()).await?;
    proof.check(&outcome).map_err(unauthenticated)
}

fn unauthenticated(why: impl std::fmt::Display) -> KafkaError {
    KafkaError::Unauthenticated { why: why.to_string() }
}

/// Sends a token and returns the broker's.
async fn authenticate(connection: &mut Connection, token: Bytes) -> Result<Bytes> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(token);
    let answer = connection.request(&request, Duration::ZERO).await?;
    match ResponseError::try_from_code(answer.error_code) {
        None => {}
        Some(ResponseError::SaslAuthenticationFailed) => {
            let why = answer.error_message.map(|why| why.to_string()).unwrap_or_default();
            return Err(KafkaError::Unauthenticated { why });
        }
        Some(error) => return Err(KafkaError::refused(ApiKey::SaslAuthenticate, error)),
    }
    // The broker cuts a connection whose login expired, so it is given up a little before.
    if let Some(lifetime) = u64::try_from(answer.session_lifetime_ms).ok().filter(|ms| *ms > 0) {
        connection.expires = Some(Instant::now() + Duration::from_millis(lifetime) * 9 / 10);
    }
    Ok(answer.auth_bytes)
}
