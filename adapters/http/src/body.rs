//! Bodies, bounded in size and in time, with or without `Content-Length`.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use tokio::time::{Instant, timeout, timeout_at};
use warp::{Filter, Rejection};

use crate::{Fields, Problem};

/// A request body that nobody has read yet.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send + Sync>>;

/// How much of a body is read, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes; a longer body is answered with 413. 16 KiB by default.
    pub bytes: usize,
    /// From the first read to the last byte; a slower body is answered with 408. 10 s by default.
    pub time: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { bytes: 16 * 1024, time: Duration::from_secs(10) }
    }
}

/// How much of a body that is too large is thrown away before the answer, and for how long: a
/// client that is still sending would otherwise see its connection reset instead of the 413.
const DISCARD_BYTES: usize = 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_millis(500);

/// A filter that takes the body. It can be taken once, so it goes behind path and method.
pub fn stream() -> impl Filter<Extract = (BodyStream,), Error = Rejection> + Clone {
    warp::body::stream().map(boxed)
}

fn boxed<S, B>(body: S) -> BodyStream
where
    S: Stream<Item = Result<B, warp::Error>> + Send + Sync + 'static,
    B: Buf + 'static,
{
    Box::pin(body.map_ok(|mut chunk| chunk.copy_to_bytes(chunk.remaining())))
}

/// Reads a form or a JSON object. An empty body is an empty form, whatever its type.
///
/// # Errors
/// Those of [`read`]; 415 without a content type or with another one than
/// `application/x-www-form-urlencoded` or `application/json`; 400 if it is malformed.
pub async fn read_fields(
    headers: &HeaderMap,
    body: BodyStream,
    limits: BodyLimits,
) -> Result<Fields, Problem> {
    let raw = read(headers, body, limits).await?;
    if raw.is_empty() {
        return Ok(Fields::default());
    }
    let Some(declared) = headers.get(CONTENT_TYPE) else {
        return Err(Problem::unsupported_media_type("the body has no Content-Type"));
    };
    let essence = declared.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => Fields::from_form(&raw),
        "application/json" => Fields::from_json(&raw),
        _ => Err(Problem::unsupported_media_type("this Content-Type is not understood here")),
    }
}

/// Reads the whole body.
///
/// # Errors
/// 413 beyond `limits.bytes`, 408 beyond `limits.time`, 400 if it ends early or its chunks are
/// malformed.
pub async fn read(
    headers: &HeaderMap,
    mut body: BodyStream,
    limits: BodyLimits,
) -> Result<Bytes, Problem> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
        .map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let too_large = Problem::body_too_large(limits.bytes);
    if declared.is_some_and(|length| length > limits.bytes) {
        // Whoever waits for `100 Continue` has sent nothing, and reading would ask for it.
        if !headers.contains_key(EXPECT) {
            discard(body).await;
        }
        return Err(too_large);
    }
    let deadline = Instant::now() + limits.time;
    let mut whole = BytesMut::with_capacity(declared.unwrap_or_default());
    loop {
        let next = timeout_at(deadline, body.next()).await.map_err(|_| Problem::slow_body())?;
        match next {
            None => return Ok(whole.freeze()),
            Some(Ok(chunk)) if whole.len() + chunk.len() > limits.bytes => {
                discard(body).await;
                return Err(too_large);
            }
            Some(Ok(chunk)) => whole.extend_from_slice(&chunk),
            Some(Err(error)) => {
                tracing::debug!(%error, "a body cannot be read");
                return Err(Problem::bad_request("the body ended early or is malformed"));
            }
        }
    }
}

async fn discard(mut body: BodyStream) {
    let drained = async {
        let mut left = DISCARD_BYTES;
        while let Some(Ok(chunk)) = body.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // Out of time is as good as done: the answer goes out either way.
    let _ = timeout(DISCARD_TIME, drained).await;
}
