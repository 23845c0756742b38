//! Answers that can be kept and given again.

use std::collections::BTreeMap;

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{IntoProblem, Problem, Response};

/// A whole answer: what it was made of can be written down, and read back as the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// What was written down is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a kept answer cannot be read")]
pub struct Unreadable;

impl IntoProblem for Unreadable {
    fn problem(&self) -> Problem {
        tracing::error!(error = self as &dyn std::error::Error, "a request failed");
        Problem::internal()
    }
}

impl Answer {
    /// `value` as `application/json`.
    ///
    /// # Panics
    /// If it has no JSON form (a map whose keys are no strings): a slip that any test of the route
    /// shows.
    pub fn json(status: StatusCode, value: &(impl Serialize + ?Sized)) -> Self {
        let body = serde_json::to_string(value).expect("an answer has a JSON form");
        let answer = Self { status: status.as_u16(), headers: BTreeMap::new(), body };
        answer.with_header(&CONTENT_TYPE, "application/json")
    }

    /// Sets a header.
    #[must_use]
    pub fn with_header(mut self, name: &HeaderName, value: impl Into<String>) -> Self {
        self.headers.insert(name.as_str().to_owned(), value.into());
        self
    }

    /// Writes it down.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and texts have a JSON form")
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`Unreadable`] if the bytes are not what [`Answer::encode`] made of one.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        serde_json::from_slice(bytes).map_err(|_| Unreadable)
    }

    /// The answer as it is sent.
    ///
    /// # Errors
    /// [`Unreadable`] if its status is none, or a header has a name or a value that none may have.
    pub fn into_response(self) -> Result<Response, Unreadable> {
        let mut response = Response::new(self.body.into());
        *response.status_mut() = StatusCode::from_u16(self.status).map_err(|_| Unreadable)?;
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).map_err(|_| Unreadable)?;
            let value = HeaderValue::try_from(value).map_err(|_| Unreadable)?;
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use http::header::LOCATION;

    use super::*;

    #[test]
    fn an_answer_comes_back_whole() {
        let answer = Answer::json(StatusCode::ACCEPTED, "a \"téière\"\n");
        let answer = answer.with_header(&LOCATION, "/payments/1");
        let back = Answer::decode(&answer.encode()).unwrap();
        assert_eq!(back, answer);
        assert_eq!(back.body, r#""a \"téière\"\n""#);
        let response = back.into_response().unwrap();
        assert_eq!(response.status(), 202);
        assert_eq!(response.headers()[LOCATION], "/payments/1");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for bytes in [
            &b""[..],
            b"{}",
            b"\xff",
            br#"{"status":99,"headers":{},"body":""}"#,
            br#"{"status":200,"headers":{"a b":"c"},"body":""}"#,
            br#"{"status":200,"headers":{"a":"\n"},"body":""}"#,
        ] {
            let read = Answer::decode(bytes).and_then(Answer::into_response);
            assert!(read.is_err(), "{}", bytes.escape_ascii());
        }
    }
}
