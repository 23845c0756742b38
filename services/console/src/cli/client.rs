//! Asks a console over HTTP: one request on a connection.

use std::time::Duration;

use comptoir_domain::port::BoxError;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Longer than the console itself waits for anything.
const ANSWER_TIME: Duration = Duration::from_mins(1);
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// An address that no console can have.
#[derive(Debug, Error)]
#[error("--console must be like http://localhost:8080, not {0}")]
pub(super) struct InvalidAddress(String);

/// Why there is no good answer.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error(
        "nobody answers at http://{authority}; is the program running, and is this the port of its \
         console? --console http://HOST:PORT asks another one"
    )]
    Unreachable { authority: String, source: BoxError },
    #[error("what answers at http://{authority} is no console of this kind")]
    Strange { authority: String },
    #[error("the console at http://{authority} gave no whole answer")]
    Broken { authority: String, source: BoxError },
    /// It answered, and said no.
    #[error("the console refuses")]
    Refused { lines: Vec<String> },
}

/// Where a console is.
#[derive(Debug)]
pub(super) struct Client {
    host: String,
    port: u16,
    /// As it stands in the address.
    authority: String,
}

impl Client {
    pub(super) fn new(address: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(address.to_owned());
        let uri: Uri = address.parse().map_err(|_| invalid())?;
        let plain = uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/");
        match (uri.authority(), uri.query()) {
            (Some(authority), None) if plain && !authority.as_str().contains('@') => Ok(Self {
                host: authority.host().trim_matches(['[', ']']).to_owned(),
                port: authority.port_u16().unwrap_or(80),
                authority: authority.to_string(),
            }),
            _ => Err(invalid()),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(Method::POST, path, body.to_string().into()).await
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Value, Failure> {
        let authority = || self.authority.clone();
        let connecting = timeout(CONNECT_TIME, TcpStream::connect((self.host.as_str(), self.port)));
        let connected = connecting.await.map_err(BoxError::from).and_then(|done| Ok(done?));
        let stream =
            connected.map_err(|source| Failure::Unreachable { authority: authority(), source })?;
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|source| Failure::Broken { authority: authority(), source: source.into() })?;
        let exchanged = timeout(ANSWER_TIME, exchange(stream, request)).await;
        let (status, body) = exchanged
            .map_err(BoxError::from)
            .and_then(|done| done)
            .map_err(|source| Failure::Broken { authority: authority(), source })?;
        let answer: Value = serde_json::from_slice(&body)
            .map_err(|_| Failure::Strange { authority: authority() })?;
        match (status, problem(&answer)) {
            (StatusCode::OK, _) => Ok(answer),
            (_, Some(lines)) => Err(Failure::Refused { lines }),
            (_, None) => Err(Failure::Strange { authority: authority() }),
        }
    }
}

async fn exchange(
    stream: TcpStream,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), BoxError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answering = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await?.to_bytes();
        Ok((head.status, body))
    };
    tokio::pin!(answering);
    tokio::select! {
        biased;
        answer = &mut answering => answer,
        // The other end closed; what it sent before is still to be read.
        _ = connection => answering.await,
    }
}

/// A problem document in a few lines.
fn problem(answer: &Value) -> Option<Vec<String>> {
    let text = |member: &str| answer[member].as_str();
    let mut lines = vec![text("title")?.to_owned()];
    lines.extend(text("detail").map(str::to_owned));
    for error in answer["errors"].as_array().into_iter().flatten() {
        let (field, detail) = (error["field"].as_str(), error["detail"].as_str());
        lines.push(format!("{}: {}", field.unwrap_or_default(), detail.unwrap_or_default()));
    }
    lines.extend(text("hint").map(str::to_owned));
    Some(lines)
}

/// A text as one part of a path or a query (RFC 3986 §2.1).
pub(super) fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_a_port() {
        for (address, host, port) in [
            ("http://localhost:8080", "localhost", 8080),
            ("http://localhost:8080/", "localhost", 8080),
            ("http://console", "console", 80),
            ("http://[::1]:9", "::1", 9),
        ] {
            let client = Client::new(address).unwrap();
            assert_eq!((client.host.as_str(), client.port), (host, port), "{address}");
        }
        for wrong in [
            "",
            "localhost",
            "localhost:8080",
            "https://localhost",
            "http://a/ui",
            "http://u@a",
            "http://a?b",
        ] {
            assert!(Client::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_part_of_a_path_stays_one_part() {
        assert_eq!(escaped("a-b_c.d~1"), "a-b_c.d~1");
        assert_eq!(escaped("../x?y#z %ü"), "..%2Fx%3Fy%23z%20%25%C3%BC");
    }
}
