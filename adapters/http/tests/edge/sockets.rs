use std::time::Duration;

use comptoir_http::resource::{path, with};
use comptoir_http::upgrade::{CloseCode, Message};
use comptoir_http::{
    Cors, Limits, Problem, Request, Response, Socket, Sockets, edge, reply, routes,
};
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_util::sync::CancellationToken;

use crate::client::{Server, within};

/// Says which protocol was agreed on, then echoes.
async fn echo(mut socket: Socket) {
    let greeting = socket.protocol.unwrap_or("plain");
    let _ = socket.stream.send(Message::text(greeting)).await;
    loop {
        let message = tokio::select! {
            biased;
            () = socket.stop.cancelled() => {
                return socket.close(CloseCode::Away, "the server stops").await;
            }
            message = socket.stream.next() => message,
        };
        match message {
            Some(Ok(Message::Text(text))) => {
                let _ = socket.stream.send(Message::Text(text)).await;
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}

async fn live(sockets: Sockets, request: Request) -> Result<Response, Problem> {
    let Some(handshake) = request.handshake(&["stream.v1", "stream.v2"])? else {
        return Ok(reply::html("page"));
    };
    if request.query()?.text("offsets").as_deref() == Some("unknown") {
        return Err(Problem::unavailable(Duration::from_secs(1)));
    }
    Ok(handshake.accept(&sockets, echo))
}

pub(crate) struct Live {
    pub(crate) server: Server,
    pub(crate) sockets: Sockets,
}

impl Live {
    pub(crate) async fn start(limit: usize) -> Self {
        let stop = CancellationToken::new();
        let sockets = Sockets::new(limit, stop.clone());
        let app = edge(routes([path("/").get(with(&sockets, live))]), &Cors::off());
        let server = Server::stopped_by(stop, app, Limits::default()).await;
        Self { server, sockets }
    }

    pub(crate) async fn open(
        &self,
        protocols: Option<&str>,
    ) -> (WebSocketStream<TcpStream>, Option<String>) {
        let mut request = format!("ws://{}/", self.server.address).into_client_request().unwrap();
        if let Some(protocols) = protocols {
            request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
        }
        let stream = within(TcpStream::connect(self.server.address)).await.unwrap();
        let (stream, answer) =
            within(tokio_tungstenite::client_async(request, stream)).await.unwrap();
        let agreed = answer.headers().get("sec-websocket-protocol");
        (stream, agreed.map(|value| value.to_str().unwrap().to_owned()))
    }
}

pub(crate) async fn text(stream: &mut WebSocketStream<TcpStream>) -> String {
    within(stream.next()).await.unwrap().unwrap().into_text().unwrap().to_string()
}

const HANDSHAKE: &str = "GET / HTTP/1.1\nHost: x\nConnection: keep-alive, Upgrade\n\
    Upgrade: websocket\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n\n";

#[tokio::test]
async fn a_handshake_is_answered_and_a_page_load_gets_the_page() {
    let live = Live::start(8).await;
    let answer = live.server.send(HANDSHAKE).await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.header("sec-websocket-protocol"), None);
    assert_eq!(live.server.send("GET / HTTP/1.1\nHost: x\n\n").await.body, "page");
    // Without `Connection: upgrade` the other header means nothing.
    let unasked = HANDSHAKE.replace("Connection: keep-alive, Upgrade\n", "");
    assert_eq!(live.server.send(&unasked).await.body, "page");
}

#[tokio::test]
async fn a_handshake_that_is_wrong_is_a_problem() {
    let live = Live::start(8).await;
    for version in ["", "Sec-WebSocket-Version: 8\n"] {
        let wrong = HANDSHAKE.replace("Sec-WebSocket-Version: 13\n", version);
        let answer = live.server.send(&wrong).await;
        assert_eq!(answer.problem(426), "websocket-version");
        assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    }
    for key in ["", "Sec-WebSocket-Key: short==\n"] {
        let wrong = HANDSHAKE.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n", key);
        assert_eq!(live.server.send(&wrong).await.problem(400), "malformed-request");
    }
    let answer = live.server.send(&HANDSHAKE.replace("GET", "POST")).await;
    assert_eq!(answer.problem(405), "method-not-allowed");
    let answer = live.server.send(&HANDSHAKE.replace("GET /", "GET /?offsets=unknown")).await;
    assert_eq!(answer.problem(503), "unavailable");
    assert_eq!(live.sockets.open(), 0);
}

#[tokio::test]
async fn the_first_protocol_that_both_know_is_agreed_on() {
    let live = Live::start(8).await;
    let cases = [(None, "plain"), (Some("other, stream.v2, stream.v1"), "stream.v2")];
    for (offered, agreed) in cases {
        let (mut stream, told) = live.open(offered).await;
        assert_eq!(told.as_deref(), offered.map(|_| agreed));
        assert_eq!(text(&mut stream).await, agreed);
        within(stream.send(Message::text("hello"))).await.unwrap();
        assert_eq!(text(&mut stream).await, "hello");
    }
    let unknown = "Upgrade: websocket\nSec-WebSocket-Protocol: other\n";
    let answer = live.server.send(&HANDSHAKE.replace("Upgrade: websocket\n", unknown)).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, None));
}

#[tokio::test]
async fn a_stop_closes_sockets_with_1001() {
    let mut live = Live::start(8).await;
    let (mut stream, _) = live.open(None).await;
    assert_eq!(text(&mut stream).await, "plain");
    live.server.stop.cancel();
    let Message::Close(Some(frame)) = within(stream.next()).await.unwrap().unwrap() else {
        panic!("no close frame");
    };
    assert_eq!(u16::from(frame.code), 1001);
    assert!(within(stream.next()).await.is_none_or(|end| end.is_err()));
    live.server.ended().await;
    assert_eq!(within(live.sockets.drain(Duration::from_secs(5))).await, 0);
}

#[tokio::test]
async fn a_socket_that_does_not_stop_is_dropped_at_the_end_of_the_drain() {
    let stop = CancellationToken::new();
    let sockets = Sockets::new(1, stop.clone());
    let deaf = with(&sockets, async |sockets: Sockets, request: Request| {
        let handshake = request.handshake(&[])?.unwrap();
        Ok::<_, Problem>(handshake.accept(&sockets, |socket| async move {
            std::future::pending::<()>().await;
            drop(socket);
        }))
    });
    let app = edge(routes([path("/").get(deaf)]), &Cors::off());
    let server = Server::stopped_by(stop, app, Limits::default()).await;
    let live = Live { server, sockets };
    let (mut stream, _) = live.open(None).await;
    live.server.stop.cancel();
    assert_eq!(within(live.sockets.drain(Duration::from_millis(50))).await, 1);
    assert!(within(stream.next()).await.is_none_or(|end| end.is_err()));
}

#[tokio::test]
async fn sockets_beyond_the_limit_get_503_until_one_ends() {
    let live = Live::start(1).await;
    let (mut stream, _) = live.open(None).await;
    assert_eq!(text(&mut stream).await, "plain");
    let answer = live.server.send(HANDSHAKE).await;
    assert_eq!(answer.problem(503), "no-socket-free");
    assert_eq!(answer.header("retry-after"), Some("5"));
    within(stream.close(None)).await.unwrap();
    while within(stream.next()).await.is_some_and(|message| message.is_ok()) {}
    within(async {
        while live.server.send(HANDSHAKE).await.status != 101 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_of_more_than_4_kib_ends_the_socket() {
    let live = Live::start(8).await;
    let (mut stream, _) = live.open(None).await;
    assert_eq!(text(&mut stream).await, "plain");
    within(stream.send(Message::text("x".repeat(4096)))).await.unwrap();
    assert_eq!(text(&mut stream).await.len(), 4096);
    within(stream.send(Message::text("x".repeat(4097)))).await.unwrap();
    while within(stream.next()).await.is_some_and(|message| message.is_ok()) {}
    within(async {
        while live.sockets.open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
