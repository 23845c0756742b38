//! Successful answers.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::{Problem, Response};

/// `value` as `application/json`; 500 if it has no JSON form (a map whose keys are no strings).
pub fn json(status: StatusCode, value: &(impl Serialize + ?Sized)) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => with_type(status, "application/json", body),
        Err(error) => {
            tracing::error!(%error, "an answer has no JSON form");
            Problem::internal().into_response()
        }
    }
}

/// `body` under any media type.
pub fn with_type(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<bytes::Bytes>,
) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A page, 200.
pub fn html(body: impl Into<bytes::Bytes>) -> Response {
    with_type(StatusCode::OK, "text/html; charset=utf-8", body)
}

/// Plain text in UTF-8.
pub fn text(status: StatusCode, body: impl Into<bytes::Bytes>) -> Response {
    with_type(status, "text/plain; charset=utf-8", body)
}

/// 204.
pub fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
