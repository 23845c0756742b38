//! One constructor per status that the edge or a service answers with.

use std::time::Duration;

use http::header::{
    ALLOW, CONNECTION, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderValue, StatusCode};

use super::{FieldError, Problem, Text};

impl Problem {
    /// 400: the request cannot be read at all.
    pub fn bad_request(detail: impl Into<Text>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-request",
            "The request cannot be read",
            "Correct the request and send it again.",
        )
        .with_detail(detail)
    }

    /// 401 without a token, or with wrong credentials.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Authentication is required",
            "Log in, then send the token as `Authorization: Bearer <token>`.",
        )
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"comptoir\""))
    }

    /// 401 for a token that was sent and is not valid; `detail` must not repeat the token.
    pub fn invalid_token(detail: impl Into<Text>) -> Self {
        let challenge = "Bearer realm=\"comptoir\", error=\"invalid_token\"";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid-token",
            "The token is not valid",
            "Log in again and send the new token as `Authorization: Bearer <token>`.",
        )
        .with_detail(detail)
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// 403: understood and refused.
    pub fn forbidden(detail: impl Into<Text>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "The request is refused",
            "Sending it again unchanged will not help.",
        )
        .with_detail(detail)
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "There is nothing here",
            "Check the path; the README lists the paths of every service.",
        )
    }

    /// 405; `allow` is the value of the `Allow` header, as in `GET, HEAD, OPTIONS`.
    pub fn method_not_allowed(allow: &str) -> Self {
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "The path does not take this method",
            format!("Use one of {allow}."),
        );
        match HeaderValue::from_str(allow) {
            Ok(value) => problem.with_header(ALLOW, value),
            Err(_) => problem,
        }
    }

    /// 408: the body did not arrive in time; the connection ends.
    pub fn slow_body() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-too-slow",
            "The body did not arrive in time",
            "Send the request again, its whole body at once.",
        )
        .with_header(CONNECTION, HeaderValue::from_static("close"))
    }

    /// 409 of a kind of the service's own.
    pub fn conflict(slug: impl Into<Text>, title: impl Into<Text>, hint: impl Into<Text>) -> Self {
        Self::new(StatusCode::CONFLICT, slug, title, hint)
    }

    /// 413; `limit` in bytes.
    pub fn body_too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "The body is too large",
            format!("Send at most {limit} bytes."),
        )
    }

    /// 415.
    pub fn unsupported_media_type(detail: impl Into<Text>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body has a type that is not understood",
            "Send application/x-www-form-urlencoded or application/json and say so in Content-Type.",
        )
        .with_detail(detail)
    }

    /// 422 with every invalid field.
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-fields",
            "A field is missing or invalid",
            "Correct the fields named in `errors` and send the request again.",
        );
        problem.0.errors = errors;
        problem
    }

    /// 426: a WebSocket handshake of another version than 13.
    pub fn websocket_version() -> Self {
        Self::new(
            StatusCode::UPGRADE_REQUIRED,
            "websocket-version",
            "The WebSocket version is not supported",
            "Use version 13 (RFC 6455).",
        )
        .with_header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
        .with_header(UPGRADE, HeaderValue::from_static("websocket"))
    }

    /// 429; `after` is rounded up to whole seconds, at least one.
    pub fn too_many_requests(after: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too many requests",
            "Wait as long as Retry-After says, then try again.",
        )
        .with_header(RETRY_AFTER, seconds(after))
    }

    /// 500: our fault; the cause is in the log and not in the answer.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal-error",
            "The service failed",
            "Try again; if it happens again, the service's log has the cause.",
        )
    }

    /// 503; `after` is rounded up to whole seconds, at least one.
    pub fn unavailable(after: Duration) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The service cannot do this just now",
            "Wait as long as Retry-After says, then try again.",
        )
        .with_header(RETRY_AFTER, seconds(after))
    }
}

fn seconds(after: Duration) -> HeaderValue {
    let whole = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    HeaderValue::from(whole.max(1))
}
