//! Requests and answers as bytes: a length of four bytes, a header, a body.

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{
    Decodable as _, Encodable as _, HeaderVersion as _, Request, StrBytes,
};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::guarded;
use crate::error::{BoxError, KafkaError, Result};

const LENGTH: usize = 4;
/// Most answers come whole with the first read.
const FIRST_READ: usize = 4096;
/// What comes back from a port that speaks TLS, and heard no TLS: an alert (RFC 8446 §5.1), which would
/// be an answer of 336 MiB.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Why no answer was read.
#[derive(Debug)]
pub(super) enum ReadError {
    Io(io::Error),
    /// It says so many bytes of itself.
    TooLong(i64),
    /// It is no answer but one of TLS.
    Tls,
}

/// Appends a request.
pub(super) fn encode<R: Request>(
    into: &mut BytesMut,
    request: &R,
    version: i16,
    correlation: i32,
    client_id: &StrBytes,
) -> Result<(), BoxError> {
    let start = into.len();
    into.put_i32(0);
    RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(client_id.clone()))
        .encode(into, R::header_version(version))?;
    request.encode(into, version)?;
    let length = i32::try_from(into.len() - start - LENGTH)?;
    into[start..start + LENGTH].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Reads one answer of at most `limit` bytes, without its length. What came behind it stays in `received`.
pub(super) async fn read<S: AsyncRead + Unpin>(
    from: &mut S,
    received: &mut BytesMut,
    limit: usize,
) -> Result<Bytes, ReadError> {
    while received.len() < LENGTH {
        received.reserve(FIRST_READ);
        more(from, received).await?;
    }
    let length = received.get_i32();
    let Some(whole) = usize::try_from(length).ok().filter(|whole| *whole <= limit) else {
        let is_tls = length.to_be_bytes().starts_with(&TLS_ALERT);
        return Err(if is_tls { ReadError::Tls } else { ReadError::TooLong(length.into()) });
    };
    while received.len() < whole {
        received.reserve(whole - received.len());
        more(from, received).await?;
    }
    Ok(received.split_to(whole).freeze())
}

async fn more<S: AsyncRead + Unpin>(
    from: &mut S,
    received: &mut BytesMut,
) -> Result<(), ReadError> {
    match from.read_buf(received).await {
        Ok(0) => Err(ReadError::Io(io::ErrorKind::UnexpectedEof.into())),
        Ok(_) => Ok(()),
        Err(cause) => Err(ReadError::Io(cause)),
    }
}

/// Takes the header off an answer and returns its correlation id.
pub(super) fn decode_header<R: Request>(answer: &mut Bytes, version: i16) -> Result<i32> {
    ResponseHeader::decode(answer, R::Response::header_version(version))
        .map(|header| header.correlation_id)
        .map_err(KafkaError::corrupt)
}

/// Decodes an answer without its header.
pub(super) fn decode_body<R: Request>(body: Bytes, version: i16) -> Result<R::Response> {
    guarded::decode(body, version).map_err(KafkaError::corrupt)
}
