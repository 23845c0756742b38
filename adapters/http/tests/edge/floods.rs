//! What WebSocket clients do that want to hold the server up.

use std::time::Duration;

use comptoir_http::resource::{path, with};
use comptoir_http::{Capacity, Cors, Limits, Problem, Request, Sockets, edge, routes};
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use tokio_util::sync::CancellationToken;

use crate::client::{Server, until_taken, within};
use crate::sockets::{Live, text};

async fn until_none_is_open(live: &Live) {
    within(async {
        while live.sockets.open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_in_parts_is_no_longer_than_one_in_a_piece() {
    let live = Live::start(8).await;
    for (part, count) in [("x", 5_000), (&*"x".repeat(1_000), 5)] {
        let (mut stream, _) = live.open(None).await;
        assert_eq!(text(&mut stream).await, "plain");
        for n in 0..count {
            let kind = if n == 0 { Data::Text } else { Data::Continue };
            let frame = Frame::message(part.to_owned(), OpCode::Data(kind), false);
            // The socket may have ended at the part before.
            if within(stream.feed(Message::Frame(frame))).await.is_err() {
                break;
            }
        }
        let _ = within(stream.flush()).await;
        until_none_is_open(&live).await;
    }
}

#[tokio::test]
async fn frames_that_break_the_protocol_end_the_socket() {
    let live = Live::start(8).await;
    for frame in [
        // A continuation of nothing; a reserved bit; a control frame that is too long; a length of
        // 2^63; text that is no UTF-8; an unknown kind; a frame that is not masked.
        &[0x80, 0x80, 0, 0, 0, 0][..],
        &[0xc1, 0x80, 0, 0, 0, 0],
        &[&[0x89, 0xfe, 0, 126][..], &[0; 4 + 126]].concat(),
        &[0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0x81, 0x01, b'x'],
    ] {
        let (mut stream, _) = live.open(None).await;
        assert_eq!(text(&mut stream).await, "plain");
        within(stream.get_mut().write_all(frame)).await.unwrap();
        until_none_is_open(&live).await;
    }
}

#[tokio::test]
async fn pings_that_nobody_wants_answered_cost_nothing() {
    let live = Live::start(8).await;
    let pings = (0..20_000).map(|_| Message::Ping(vec![b'x'; 125].into()));
    let (mut deaf, _) = live.open(None).await;
    for ping in pings {
        // It reads no pong; when its own direction is full as well, it is held up, and not we.
        if timeout(Duration::from_millis(100), deaf.feed(ping)).await.is_err() {
            break;
        }
    }
    let (mut other, _) = live.open(None).await;
    assert_eq!(text(&mut other).await, "plain");
    within(other.send(Message::text("hello"))).await.unwrap();
    assert_eq!(text(&mut other).await, "hello");
}

/// A server whose sockets send without end, with room for so many connections.
async fn torrent(places: &Capacity) -> (Server, Sockets) {
    let stop = CancellationToken::new();
    let sockets = Sockets::new(8, stop.clone());
    let pour = with(&sockets, async |sockets: Sockets, request: Request| {
        let handshake = request.handshake(&[])?.unwrap();
        Ok::<_, Problem>(handshake.accept(&sockets, |mut socket| async move {
            let drop = Message::text("x".repeat(32 * 1024));
            while socket.stream.send(drop.clone()).await.is_ok() {}
        }))
    });
    let limits = Limits {
        connections: places.clone(),
        write_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let app = edge(routes([path("/").get(pour)]), &Cors::off());
    (Server::stopped_by(stop, app, limits).await, sockets)
}

#[tokio::test]
async fn a_socket_that_takes_nothing_is_dropped_and_one_that_takes_is_not() {
    let places = Capacity::new(8);
    let (server, sockets) = torrent(&places).await;
    let live = Live { server, sockets };
    let (deaf, _) = live.open(None).await;
    let (mut eager, _) = live.open(None).await;
    // A socket holds its connection's place for as long as it is open.
    until_taken(&places, 3).await;
    within(async {
        while live.sockets.open() > 1 {
            assert!(eager.next().await.unwrap().unwrap().is_text());
        }
    })
    .await;
    drop(deaf);
    assert!(within(eager.next()).await.unwrap().unwrap().is_text());
    until_taken(&places, 2).await;
}
