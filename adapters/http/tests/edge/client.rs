//! A server on a free port, and a client that speaks HTTP/1.1 by hand.

use std::net::SocketAddr;
use std::time::Duration;

use comptoir_http::{Capacity, Cors, Limits, Resource, Routes, bind, edge, routes, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Fails the test instead of hanging it.
pub(crate) async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("not within 10 s")
}

/// Waits until so many places are taken, the one that the listener keeps for the next among them.
pub(crate) async fn until_taken(places: &Capacity, count: usize) {
    within(async {
        while places.taken() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A running server; dropping it ends it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    task: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(resources: impl IntoIterator<Item = Resource>) -> Self {
        Self::of(edge(routes(resources), &Cors::off()), Limits::default()).await
    }

    pub(crate) async fn of(routes: Routes, limits: Limits) -> Self {
        Self::stopped_by(CancellationToken::new(), routes, limits).await
    }

    pub(crate) async fn stopped_by(
        stop: CancellationToken,
        routes: Routes,
        limits: Limits,
    ) -> Self {
        let listener = bind("127.0.0.1", 0).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(serve(listener, routes, stop.clone(), limits));
        Self { address, stop, task }
    }

    pub(crate) async fn connect(&self) -> Client {
        let stream = within(TcpStream::connect(self.address)).await.unwrap();
        Client { stream, read: Vec::new() }
    }

    /// One request on a connection of its own.
    pub(crate) async fn send(&self, request: &str) -> Answer {
        let mut client = self.connect().await;
        client.write(request).await;
        client.answer().await
    }

    /// Waits until `serve` has returned.
    pub(crate) async fn ended(&mut self) {
        within(self.task.join_next()).await.unwrap().unwrap();
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Client {
    /// Sends a request as written here, with bare line feeds for readability.
    pub(crate) async fn write(&mut self, request: &str) {
        self.write_raw(request.replace('\n', "\r\n").as_bytes()).await;
    }

    pub(crate) async fn write_raw(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.unwrap();
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        within(self.next_answer(true)).await
    }

    /// An answer to HEAD, which has a length and no body.
    pub(crate) async fn answer_to_head(&mut self) -> Answer {
        within(self.next_answer(false)).await
    }

    /// Sends nothing more, and waits for the end of the connection whatever comes before it.
    pub(crate) async fn ends(&mut self) {
        // The other end may have closed first.
        let _ = self.stream.shutdown().await;
        while within(self.fill()).await {}
    }

    /// Waits for the end of the connection; gives what came before it.
    pub(crate) async fn rest(&mut self) -> String {
        while within(self.fill()).await {}
        String::from_utf8(std::mem::take(&mut self.read)).unwrap()
    }

    async fn next_answer(&mut self, with_body: bool) -> Answer {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.fill().await, "closed without an answer: {:?}", self.read);
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        if with_body {
            while self.read.len() < length {
                assert!(self.fill().await, "closed in the middle of a body");
            }
            answer.body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        }
        answer
    }

    async fn fill(&mut self) -> bool {
        let mut buffer = vec![0; 4096];
        // A reset ends a connection as well as a close does.
        let count = self.stream.read(&mut buffer).await.unwrap_or(0);
        self.read.extend_from_slice(&buffer[..count]);
        count > 0
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Checks that this is a whole problem document of this status; gives its slug.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], status, "{json}");
        for member in ["title", "hint"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{json}");
        }
        json["type"].as_str().unwrap().strip_prefix("/problems/").unwrap().to_owned()
    }
}
