//! A client that speaks HTTP/1.1 by hand, one request on a connection.

use std::net::SocketAddr;

use comptoir_testkit::{PATIENCE, within};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One request, as it will be sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: &'static str,
    path: String,
    host: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn of(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            host: "localhost".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::of("GET", path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::of("POST", path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn on_host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn form(self, body: &str) -> Self {
        self.typed("application/x-www-form-urlencoded", body)
    }

    pub(crate) fn json(self, body: &str) -> Self {
        self.typed("application/json", body)
    }

    pub(crate) fn typed(self, media_type: &str, body: &str) -> Self {
        self.header("Content-Type", media_type).untyped(body)
    }

    /// A body with a length and no type.
    pub(crate) fn untyped(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        let length = self.body.len().to_string();
        self.header("Content-Length", &length)
    }

    fn bytes(&self) -> Vec<u8> {
        let (method, path, host) = (self.method, &self.path, &self.host);
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// A service that listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service(pub(crate) SocketAddr);

impl Service {
    pub(crate) async fn send(&self, call: Call) -> Answer {
        let asking = async {
            let mut stream = TcpStream::connect(self.0).await.unwrap();
            stream.write_all(&call.bytes()).await.unwrap();
            let mut raw = Vec::new();
            stream.read_to_end(&mut raw).await.unwrap();
            Answer::read(raw)
        };
        within(PATIENCE, "an answer", asking).await
    }

    pub(crate) async fn get(&self, path: impl Into<String>) -> Answer {
        self.send(Call::get(path)).await
    }

    pub(crate) async fn post(&self, path: impl Into<String>) -> Answer {
        self.send(Call::post(path)).await
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn read(mut raw: Vec<u8>) -> Self {
        let end = raw.windows(4).position(|four| four == b"\r\n\r\n");
        let body = raw.split_off(end.expect("a whole head") + 4);
        let head = String::from_utf8(raw).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        Self { status: status.parse().unwrap(), headers: headers.collect(), body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The JSON of a good answer.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}: {}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The last part of the `type` of a whole problem document.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}: {}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let json: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(json["status"], status, "{json}");
        for member in ["title", "hint"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{json}");
        }
        let kind = json["type"].as_str().unwrap();
        kind.strip_prefix("/problems/").unwrap().to_owned()
    }

    /// The fields that a 422 names, in its order.
    #[track_caller]
    pub(crate) fn wrong_fields(&self) -> Vec<String> {
        assert_eq!(self.problem(422), "invalid-fields");
        let json: Value = serde_json::from_slice(&self.body).unwrap();
        let errors = json["errors"].as_array().unwrap().iter();
        let named = errors.map(|error| {
            assert!(error["detail"].as_str().is_some_and(|text| !text.is_empty()), "{json}");
            error["field"].as_str().unwrap().to_owned()
        });
        named.collect()
    }
}
