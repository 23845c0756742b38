//! RFC 9457 problem documents: the only form in which an error leaves a service.

mod kinds;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Response, headers};

type Text = Cow<'static, str>;

/// The members that every document has or may have.
const RESERVED: [&str; 7] = ["type", "title", "status", "detail", "instance", "hint", "errors"];

/// An error answer: `{"type","title","status","detail"?,"hint","errors"?,…}` as
/// `application/problem+json`.
///
/// `type` is the URI reference `/problems/<slug>`; slugs are stable, texts are not. There is
/// always a `hint`: what the caller can do about it.
#[derive(Debug, Clone)]
pub struct Problem(Box<Document>);

#[derive(Debug, Clone)]
struct Document {
    status: StatusCode,
    slug: Text,
    title: Text,
    detail: Option<Text>,
    hint: Text,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    headers: HeaderMap,
}

/// One invalid field of a request; a 422 names all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name as the caller wrote it.
    pub field: String,
    /// What a valid value looks like, as in `must be from 1 to 1000`.
    pub detail: String,
}

/// What a refusal looks like over HTTP. Implementors can be raised with `?` in a handler.
pub trait IntoProblem {
    /// The problem document for this refusal.
    fn problem(&self) -> Problem;
}

impl<E: IntoProblem> From<E> for Problem {
    fn from(refusal: E) -> Self {
        refusal.problem()
    }
}

impl Problem {
    /// A problem of a kind of its own; `slug` is kebab case and stable, as in `username-taken`.
    pub fn new(
        status: StatusCode,
        slug: impl Into<Text>,
        title: impl Into<Text>,
        hint: impl Into<Text>,
    ) -> Self {
        Self(Box::new(Document {
            status,
            slug: slug.into(),
            title: title.into(),
            detail: None,
            hint: hint.into(),
            errors: Vec::new(),
            members: Map::new(),
            headers: HeaderMap::new(),
        }))
    }

    /// Replaces slug and title, keeping status, hint and headers.
    #[must_use]
    pub fn with_kind(mut self, slug: impl Into<Text>, title: impl Into<Text>) -> Self {
        self.0.slug = slug.into();
        self.0.title = title.into();
        self
    }

    /// Says what is particular to this occurrence.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Text>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Replaces the hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Text>) -> Self {
        self.0.hint = hint.into();
        self
    }

    /// Names one more invalid field.
    #[must_use]
    pub fn with_error(mut self, field: impl Into<String>, detail: impl Into<String>) -> Self {
        let (field, detail) = (field.into(), detail.into());
        self.0.errors.push(FieldError { field, detail });
        self
    }

    /// Adds an extension member to the document, under a name that RFC 9457 does not use. A value
    /// that has no JSON form is left out.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl Serialize) -> Self {
        debug_assert!(!RESERVED.contains(&name), "`{name}` has a meaning of its own");
        if let Ok(value) = serde_json::to_value(value) {
            self.0.members.insert(name.to_owned(), value);
        }
        self
    }

    /// Sets a header of the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The last part of `type`.
    pub fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The invalid fields named so far.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The document as it goes over the wire.
    pub fn to_json(&self) -> Vec<u8> {
        let Document { status, slug, title, detail, hint, errors, members, .. } = &*self.0;
        let body = Body {
            kind: format!("/problems/{slug}"),
            title,
            status: status.as_u16(),
            detail: detail.as_deref(),
            hint,
            errors,
            members,
        };
        serde_json::to_vec(&body).expect("string keys and plain values always serialise")
    }

    /// The whole answer: status, headers and document.
    pub fn into_response(self) -> Response {
        let mut response = Response::new(self.to_json().into());
        *response.status_mut() = self.0.status;
        *response.headers_mut() = self.0.headers;
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        headers::nosniff(response.headers_mut());
        response
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    hint: &'a str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl warp::Reply for Problem {
    fn into_response(self) -> Response {
        Problem::into_response(self)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status.as_u16(), self.0.slug)
    }
}

impl std::error::Error for Problem {}
