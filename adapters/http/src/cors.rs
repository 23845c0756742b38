//! Cross-origin answers for our own pages.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

use crate::PublicHosts;

const EXPOSED: &str = "Location, Retry-After";
const ALLOWED: &str = "content-type, authorization, traceparent, idempotency-key";
/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: &str = "600";

/// Lets the pages served under our own [`PublicHosts`] read the answers of every service.
///
/// Answers to any other origin simply lack the headers; they are never refused. Cookies play no
/// part, so credentials are not allowed.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    hosts: Option<PublicHosts>,
}

impl Cors {
    /// For a service that pages call from another port.
    pub fn new(hosts: PublicHosts) -> Self {
        Self { hosts: Some(hosts) }
    }

    /// For a service that only programs call.
    pub fn off() -> Self {
        Self { hosts: None }
    }

    /// Adds the headers to an answer, errors included. A preflight takes its methods from the
    /// `Allow` header that the resource put on its answer to `OPTIONS`.
    pub(crate) fn apply(&self, method: &Method, request: &HeaderMap, answer: &mut HeaderMap) {
        let Some(hosts) = &self.hosts else { return };
        answer.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = request.get(ORIGIN) else {
            return;
        };
        if !origin.to_str().is_ok_and(|text| hosts.allows_origin(Some(text))) {
            return;
        }
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if method == Method::OPTIONS && request.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            if let Some(allow) = answer.get(ALLOW).cloned() {
                answer.insert(ACCESS_CONTROL_ALLOW_METHODS, allow);
            }
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED));
            answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        }
    }
}
