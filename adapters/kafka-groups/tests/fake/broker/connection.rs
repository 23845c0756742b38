//! One client's connection: a request, its answer, the next request.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::Shared;
use super::api::{self, Call, Serve};
use super::faults::Fault;
use super::journal::Origin;

/// Serves a connection until the client closes it or a fault does.
pub(super) async fn serve(shared: Arc<Shared>, node: i32, number: usize, mut stream: TcpStream) {
    let mut logged_in = shared.with(|state| state.login.is_none());
    while let Some(frame) = read(&shared, node, &mut stream).await {
        let answered = {
            let answer = answer(&shared, node, number, frame, &mut logged_in);
            tokio::select! {
                answer = answer => answer,
                () = closed(&stream) => None,
            }
        };
        thawed(&shared, node).await;
        let Some(Frame { bytes, last }) = answered else { return };
        if stream.write_all(&bytes).await.is_err() || last {
            return;
        }
    }
}

/// What is written, and whether the connection ends with it.
pub(super) struct Frame {
    bytes: Bytes,
    last: bool,
}

async fn thawed(shared: &Shared, node: i32) {
    let frozen = |nodes: &[super::Node]| nodes.iter().any(|is| is.id == node && is.frozen);
    shared.until(|state| (!frozen(&state.nodes)).then_some(())).await;
}

async fn read(shared: &Shared, node: i32, stream: &mut TcpStream) -> Option<Bytes> {
    let length = usize::try_from(stream.read_i32().await.ok()?).ok()?;
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await.ok()?;
    thawed(shared, node).await;
    Some(frame.into())
}

/// Ends when the client has closed its side while it is owed an answer.
async fn closed(stream: &TcpStream) {
    match stream.peek(&mut [0]).await {
        Ok(0) | Err(_) => {}
        Ok(_) => std::future::pending().await,
    }
}

async fn answer(
    shared: &Arc<Shared>,
    node: i32,
    connection: usize,
    mut frame: Bytes,
    logged_in: &mut bool,
) -> Option<Frame> {
    let key = i16::from_be_bytes(frame.get(..2)?.try_into().ok()?);
    let version = i16::from_be_bytes(frame.get(2..4)?.try_into().ok()?);
    let key = ApiKey::try_from(key).ok()?;
    let header = RequestHeader::decode(&mut frame, key.request_header_version(version)).ok()?;
    let call = Call {
        shared: Arc::clone(shared),
        origin: Origin { node, connection, version },
        correlation: header.correlation_id,
        client: header.client_id.as_deref().unwrap_or_default().to_owned(),
    };
    let before_login =
        matches!(key, ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate);
    if !*logged_in && !before_login {
        return None;
    }
    let frame = api::dispatch(&call, key, frame).await?;
    *logged_in |= key == ApiKey::SaslAuthenticate;
    Some(frame)
}

/// Decodes one request, records it, carries it out unless a fault forbids it, and encodes the answer.
pub(super) async fn exchange<R: Serve>(call: &Call, mut body: Bytes) -> Option<Frame> {
    let version = call.origin.version;
    let known = call.with(|state| state.versions(ApiKey::try_from(R::KEY).ok()?, R::VERSIONS))?;
    if !(known.min..=known.max).contains(&version) && R::KEY != ApiKey::ApiVersions as i16 {
        return None;
    }
    let request = R::decode(&mut body, version.min(known.max)).ok()?;
    let journal = &call.shared.journal;
    let arrived = journal.arrived(call.origin, request.clone());
    let fault = call.shared.faults.take(call.origin.node, &request);
    let mut answer = match &fault {
        Some(Fault::DropBefore) => return None,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Refuse(error)) => request.refuse(error.code(), call),
        _ => request.serve(call).await,
    };
    match &fault {
        Some(Fault::DropAfter) => return None,
        Some(Fault::Late(wait)) => sleep(*wait).await,
        Some(Fault::Held(gate)) => gate.passed().await,
        Some(Fault::Altered(change)) => change(&mut answer),
        _ => {}
    }
    let frame = encode::<R>(call, &answer, fault.as_ref());
    journal.answered(arrived, answer);
    frame
}

fn encode<R: Serve>(call: &Call, answer: &R::Response, fault: Option<&Fault>) -> Option<Frame> {
    let version = R::answer_version(call);
    let correlation = match fault {
        Some(Fault::Misdirected) => call.correlation.wrapping_add(1),
        _ => call.correlation,
    };
    let mut out = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(correlation);
    header.encode(&mut out, R::Response::header_version(version)).ok()?;
    let body_at = out.len();
    answer.encode(&mut out, version).unwrap();
    let mut length = i32::try_from(out.len()).unwrap();
    let mut last = false;
    match fault {
        Some(Fault::Garbage) => out[body_at..].fill(0xff),
        Some(Fault::Truncated) => {
            out.truncate(body_at + (out.len() - body_at) / 2);
            length = i32::try_from(out.len()).unwrap();
        }
        Some(Fault::CutOff) => {
            out.truncate(out.len() / 2);
            last = true;
        }
        Some(Fault::Endless) => length = i32::MAX,
        _ => {}
    }
    let mut frame = BytesMut::with_capacity(out.len() + 4);
    frame.put_i32(length);
    frame.extend_from_slice(&out);
    Some(Frame { bytes: frame.freeze(), last })
}
