use std::{
    convert::Infallible,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use comptoir_bench::http::Address;
use futures::SinkExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::broadcast,
    task::JoinSet,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// What the fake does with a payment, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Confirmed,
    /// A first line, and nothing after it.
    Forgotten,
    Refused,
    /// Answered, then the connection is closed.
    Closed,
}

struct Shop {
    fate: fn(u32) -> Fate,
    next: AtomicU32,
    lines: broadcast::Sender<String>,
}

impl Shop {
    fn write(&self, id: &str, kind: &str) {
        let line = format!(
            r#"{{"id":"l","time":"2026-01-01T00:00:00.000Z","level":"INFO","service":"payments-service",
            "message":"A payment is {kind}","trace_id":"","event_type":"comptoir.payment.{kind}.v1",
            "fields":{{"payment":"{id}","quantity":1}}}}"#
        );
        // Without a client there is nobody to tell.
        let _ = self.lines.send(line);
    }

    fn pay(&self, request: &Request<impl Sized>) -> Response<Full<Bytes>> {
        assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/pay"));
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let fate = (self.fate)(number);
        if fate == Fate::Refused {
            let mut refused = Response::new(Full::default());
            *refused.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return refused;
        }
        let id = format!("pay-{number}");
        // Both before the answer, as a quick shop may do.
        self.write(&id, "requested");
        if fate != Fate::Forgotten {
            self.write(&id, "confirmed");
        }
        let body = format!(r#"{{"id":"{id}","status":"pending"}}"#);
        let mut answer = Response::builder().status(StatusCode::ACCEPTED);
        if fate == Fate::Closed {
            answer = answer.header("connection", "close");
        }
        answer.body(Full::from(body)).unwrap()
    }
}

pub(crate) struct Fake {
    pub(crate) payments: Address,
    pub(crate) logs: Address,
    _servers: JoinSet<()>,
}

impl Fake {
    pub(crate) async fn start(fate: fn(u32) -> Fate) -> Self {
        let (lines, _) = broadcast::channel(65_536);
        let shop = Arc::new(Shop { fate, next: AtomicU32::new(0), lines });
        let mut servers = JoinSet::new();
        let http = Arc::clone(&shop);
        let payments = listen(&mut servers, move |tcp| answer(Arc::clone(&http), tcp)).await;
        let logs = listen(&mut servers, move |tcp| stream(shop.lines.subscribe(), tcp)).await;
        Self {
            payments: Address::http(&format!("http://{payments}")).unwrap(),
            logs: Address::websocket(&format!("ws://{logs}/")).unwrap(),
            _servers: servers,
        }
    }
}

async fn listen<F>(
    servers: &mut JoinSet<()>,
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> std::net::SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    servers.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            connections.spawn(serve(tcp));
        }
    });
    address
}

async fn answer(shop: Arc<Shop>, tcp: TcpStream) {
    let service = service_fn(move |request| {
        let answer = shop.pay(&request);
        async move { Ok::<_, Infallible>(answer) }
    });
    // The client closes whenever it likes.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(tcp), service).await;
}

/// Subscribed before the handshake ends, as the live stream promises.
async fn stream(mut lines: broadcast::Receiver<String>, tcp: TcpStream) {
    let mut socket = accept_async(tcp).await.unwrap();
    while let Ok(line) = lines.recv().await {
        if socket.send(Message::text(line)).await.is_err() {
            return;
        }
    }
}
