//! What a handler is given: the parts of one request, read on demand.

mod traceparent;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use hyper::upgrade::OnUpgrade;
use warp::{Filter, Rejection};

use crate::body::{self, BodyLimits, BodyStream};
use crate::resource::Params;
use crate::{Fields, Handshake, PeerAddr, Problem};

/// The `Authorization` header, as far as the HTTP edge understands it. `Debug` does not show the token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bearer<'a> {
    /// No `Authorization` header.
    Absent,
    /// A header, but not one `Bearer` token.
    Malformed,
    /// The token, not verified.
    Token(&'a str),
}

impl fmt::Debug for Bearer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Malformed => "Malformed",
            Self::Token(_) => "Token(***)",
        })
    }
}

/// One request to a matched resource.
pub struct Request {
    method: Method,
    path: String,
    params: Params,
    parts: Parts,
}

/// What [`parts`] extracts.
pub(crate) struct Parts {
    headers: HeaderMap,
    query: String,
    peer: Option<PeerAddr>,
    upgrade: Option<OnUpgrade>,
    body: Option<BodyStream>,
}

/// A filter that takes everything behind path and method, the body unread.
pub(crate) fn parts() -> impl Filter<Extract = (Parts,), Error = Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::header::headers_cloned()
        .and(query)
        .and(warp::ext::optional::<PeerAddr>())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(body::stream())
        .map(|headers, query, peer, upgrade, body| Parts {
            headers,
            query,
            peer,
            upgrade,
            body: Some(body),
        })
}

impl Request {
    pub(crate) fn new(method: Method, path: String, params: Params, parts: Parts) -> Self {
        Self { method, path, params, parts }
    }

    /// The method; a handler for GET sees HEAD here when it serves one.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path as it was sent, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The decoded path segment that matched `{name}`.
    ///
    /// # Panics
    /// If the resource's path has no `{name}`: a slip that any test of the route shows.
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_else(|| panic!("the path has no {{{name}}}"))
    }

    /// The query as fields; empty without one.
    ///
    /// # Errors
    /// 400 if an escape is broken or it is not UTF-8.
    pub fn query(&self) -> Result<Fields, Problem> {
        Fields::from_query(&self.parts.query)
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The first header of that name, if it is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// Who is at the other end of the connection; `0.0.0.0:0` when not served by
    /// [`serve`](crate::serve).
    pub fn peer(&self) -> SocketAddr {
        let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        self.parts.peer.map_or(unknown, |PeerAddr(address)| address)
    }

    /// The bearer token, if one was sent. The scheme's case does not matter.
    pub fn bearer(&self) -> Bearer<'_> {
        bearer(&self.parts.headers)
    }

    /// The caller's `traceparent` (W3C Trace Context) as version 00, `00-<trace id>-<parent
    /// id>-<flags>`; `None` if there is none or it is invalid, and then the caller of this makes
    /// a fresh one.
    pub fn traceparent(&self) -> Option<String> {
        traceparent::read(&self.parts.headers)
    }

    /// The body as fields within the default [`BodyLimits`]; see [`body::read_fields`]. The body
    /// is read once: a second call finds it empty.
    ///
    /// # Errors
    /// 400, 408, 413 or 415.
    pub async fn fields(&mut self) -> Result<Fields, Problem> {
        match self.parts.body.take() {
            Some(body) => body::read_fields(&self.parts.headers, body, BodyLimits::default()).await,
            None => Ok(Fields::default()),
        }
    }

    /// The body as bytes; a second call finds it empty.
    ///
    /// # Errors
    /// 400, 408 or 413.
    pub async fn bytes(&mut self, limits: BodyLimits) -> Result<Bytes, Problem> {
        match self.parts.body.take() {
            Some(body) => body::read(&self.parts.headers, body, limits).await,
            None => Ok(Bytes::new()),
        }
    }

    /// The WebSocket handshake in this request, if it is one; `protocols` are those we speak.
    ///
    /// # Errors
    /// 400 if the handshake is malformed, 426 if its version is not 13.
    pub fn handshake(&self, protocols: &[&'static str]) -> Result<Option<Handshake>, Problem> {
        let Some(upgrade) = &self.parts.upgrade else {
            return Ok(None);
        };
        Handshake::read(&self.method, &self.parts.headers, upgrade, protocols)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither headers nor query: both may hold secrets.
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// As [`Request::bearer`], for routes written as plain warp filters.
pub fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Bearer::Absent;
    };
    if values.next().is_some() {
        return Bearer::Malformed;
    }
    match value.to_str().ok().and_then(|text| text.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            let token = token.trim();
            let plain = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
            if plain { Bearer::Token(token) } else { Bearer::Malformed }
        }
        _ => Bearer::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_absent_malformed_or_there() {
        let is = |values: &[&'static str], expected: Bearer<'_>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            assert!(bearer(&headers) == expected, "{values:?}");
        };
        is(&[], Bearer::Absent);
        is(&["Bearer a.b-c"], Bearer::Token("a.b-c"));
        is(&["bEARER  abc "], Bearer::Token("abc"));
        for bad in ["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "abc"] {
            is(&[bad], Bearer::Malformed);
        }
        is(&["Bearer a", "Bearer b"], Bearer::Malformed);
    }

    #[test]
    fn a_token_does_not_show() {
        assert_eq!(format!("{:?}", Bearer::Token("abc")), "Token(***)");
    }
}
