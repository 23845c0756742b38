//! What clients do that want to hold the server up.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use comptoir_http::body::BodyLimits;
use comptoir_http::resource::{path, with};
use comptoir_http::{
    Capacity, Cors, Limits, Problem, Request, Response, Routes, StatusCode, edge, reply, routes,
};
use futures::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, interval, sleep, timeout};

use crate::client::{Client, Server, until_taken, within};

/// More than the buffers of a connection hold, on both sides.
const LARGE: usize = 16 * 1024 * 1024;
/// Between two bytes of a client that is slow on purpose.
const BEAT: Duration = Duration::from_millis(20);
/// What a byte every [`BEAT`] must not outlast, on a machine that is busy.
const SOON: Duration = Duration::from_secs(5);

const QUICK: &str = "GET /quick HTTP/1.1\nHost: x\n\n";

/// `/quick`, `/large`, `/read` (takes a body within 300 ms) and `/held` (until there is a permit).
fn app(held: &Arc<Semaphore>) -> Routes {
    let large = Bytes::from(vec![b'x'; LARGE]);
    let large = with(&large, async |large: Bytes, _: Request| reply::text(StatusCode::OK, large));
    let held = with(held, async |held: Arc<Semaphore>, _: Request| {
        held.acquire().await.unwrap().forget();
        reply::text(StatusCode::OK, "done")
    });
    let quick = async |_: Request| reply::text(StatusCode::OK, "quick");
    edge(
        routes([
            path("/quick").get(quick),
            path("/large").get(large),
            path("/read").post(read),
            path("/held").get(held),
        ]),
        &Cors::off(),
    )
}

async fn read(mut request: Request) -> Result<Response, Problem> {
    let limits = BodyLimits { time: Duration::from_millis(300), ..BodyLimits::default() };
    let length = request.bytes(limits).await?.len();
    Ok(reply::json(StatusCode::OK, &length))
}

async fn server(limits: Limits) -> Server {
    Server::of(app(&Arc::new(Semaphore::new(0))), limits).await
}

fn room_for(connections: usize) -> Limits {
    Limits { connections: Capacity::new(connections), ..Limits::default() }
}

/// Sends a byte every [`BEAT`] until the server ends the connection; gives how long that took and
/// what it answered.
async fn drip(mut client: Client, start: &str, byte: &str) -> (Duration, String) {
    let began = Instant::now();
    client.write(start).await;
    let (mut beats, mut came) = (interval(BEAT), false);
    while !came && began.elapsed() < SOON {
        beats.tick().await;
        came = client.stream.write_all(byte.as_bytes()).await.is_err();
        came |= timeout(Duration::from_millis(1), client.stream.readable()).await.is_ok();
    }
    (began.elapsed(), client.rest().await)
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_when_its_time_is_over() {
    let server =
        server(Limits { head_time: Duration::from_millis(300), ..Limits::default() }).await;
    let dripping = join_all((0..20).map(async |_| {
        let client = server.connect().await;
        drip(client, "GET /quick HTTP/1.1\nHost: x\nX-Slow: ", "x").await
    }));
    let honest = async {
        for _ in 0..10 {
            assert_eq!(server.send(QUICK).await.body, "quick");
            sleep(BEAT).await;
        }
    };
    let (dripped, ()) = within(futures::future::join(dripping, honest)).await;
    for (took, answer) in dripped {
        assert!(took >= Duration::from_millis(290) && took < SOON, "{took:?}");
        assert_eq!(answer, "");
    }
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_cut_when_its_time_is_over() {
    let server = server(Limits::default()).await;
    for (head, byte) in [
        ("POST /read HTTP/1.1\nHost: x\nContent-Length: 16000\n\n", "x"),
        ("POST /read HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n", "1\r\nx\r\n"),
        // The size of a chunk, and what may stand behind it.
        ("POST /read HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n1;", "x"),
    ] {
        let (took, answer) = drip(server.connect().await, head, byte).await;
        assert!(took >= Duration::from_millis(290) && took < SOON, "{took:?}");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("/problems/body-too-slow"), "{answer}");
    }
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_cut() {
    let limits = Limits { write_time: Duration::from_millis(200), ..room_for(8) };
    let places = limits.connections.clone();
    let server = server(limits).await;
    let mut deaf = server.connect().await;
    deaf.write("GET /large HTTP/1.1\nHost: x\n\n").await;
    let mut greedy = server.connect().await;
    // Answers that nobody takes are not made, either: one fills the connection.
    greedy.write(&"GET /large HTTP/1.1\nHost: x\n\n".repeat(50)).await;
    until_taken(&places, 1).await;
    assert_eq!(server.send(QUICK).await.body, "quick");
}

/// How many bytes came, which are so many at the most.
async fn some(client: &mut Client, most: usize) -> usize {
    use tokio::io::AsyncReadExt as _;
    within(client.stream.read(&mut vec![0; most])).await.unwrap()
}

#[tokio::test]
async fn who_takes_an_answer_slowly_gets_all_of_it() {
    let limits = Limits { write_time: Duration::from_secs(1), ..room_for(8) };
    let places = limits.connections.clone();
    let server = server(limits).await;
    let mut slow = server.connect().await;
    slow.write("GET /large HTTP/1.1\nHost: x\nConnection: close\n\n").await;
    let began = Instant::now();
    let mut taken = 0;
    // Some 800 KB a second: less than what a kernel would like to send before it tells of room.
    while began.elapsed() < Duration::from_secs(4) {
        sleep(BEAT).await;
        taken += some(&mut slow, 16 * 1024).await;
        assert_eq!(places.taken(), 2, "it was cut off after {taken} bytes");
    }
    loop {
        match some(&mut slow, 1024 * 1024).await {
            0 => break,
            more => taken += more,
        }
    }
    assert!(taken > LARGE, "{taken}");
}

#[tokio::test]
async fn whoever_only_holds_connections_keeps_nobody_out() {
    let server = server(room_for(16)).await;
    let mut idle = Vec::new();
    for held in ["", "GET /quick HTTP/1.1\nHost: x\n", "POST /read HTTP/1.1\nHost: x\n"] {
        for _ in 0..10 {
            let mut client = server.connect().await;
            client.write(held).await;
            idle.push(client);
        }
    }
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(server.send(QUICK).await.body, "quick");
    }
    // Some grace for each, and a busy machine.
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    // The first went first.
    assert_eq!(idle[0].rest().await, "");
    let last = idle.last_mut().unwrap();
    last.write("Content-Length: 0\n\n").await;
    assert_eq!(last.answer().await.body, "0");
}

#[tokio::test]
async fn bodies_that_do_not_end_make_room_as_well() {
    let long = async |mut request: Request| -> Result<Response, Problem> {
        let limits = BodyLimits { time: Duration::from_mins(1), ..BodyLimits::default() };
        request.bytes(limits).await?;
        Ok(reply::no_content())
    };
    let quick = async |_: Request| reply::text(StatusCode::OK, "quick");
    let resources = [path("/long").post(long), path("/quick").get(quick)];
    let server = Server::of(edge(routes(resources), &Cors::off()), room_for(4)).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut client = server.connect().await;
        client.write("POST /long HTTP/1.1\nHost: x\nContent-Length: 100\n\nabc").await;
        held.push(client);
    }
    assert_eq!(server.send(QUICK).await.body, "quick");
    assert_eq!(held[0].rest().await, "");
}

#[tokio::test]
async fn what_is_being_worked_on_makes_no_room() {
    let held = Arc::new(Semaphore::new(0));
    let server = Server::of(app(&held), room_for(4)).await;
    let mut busy = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect().await;
        client.write("GET /held HTTP/1.1\nHost: x\n\n").await;
        busy.push(client);
    }
    // Until they are older than the grace, and whoever is silent comes later.
    sleep(Duration::from_millis(300)).await;
    let mut silent = [server.connect().await, server.connect().await];
    assert_eq!(server.send(QUICK).await.body, "quick");
    assert_eq!(silent[0].rest().await, "");
    held.add_permits(3);
    for client in &mut busy {
        assert_eq!(client.answer().await.body, "done");
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_costs_nothing() {
    let places = Capacity::new(64);
    let limits = Limits { connections: places.clone(), ..Limits::default() };
    let held = Arc::new(Semaphore::new(0));
    let server = Server::of(app(&held), limits).await;
    for start in [
        "",
        "GET /qu",
        "POST /read HTTP/1.1\nHost: x\nContent-Length: 100\n\nabc",
        "POST /read HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nff\nabc",
        "GET /held HTTP/1.1\nHost: x\n\n",
        "GET /large HTTP/1.1\nHost: x\n\n",
    ] {
        for _ in 0..5 {
            let mut client = server.connect().await;
            client.write(start).await;
        }
    }
    until_taken(&places, 1).await;
    assert_eq!(server.send(QUICK).await.body, "quick");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let server = server(Limits::default()).await;
    let mut client = server.connect().await;
    let request = |n: usize| {
        let (length, body) = (n % 7, "x".repeat(n % 7));
        format!("POST /read HTTP/1.1\nHost: x\nContent-Length: {length}\n\n{body}")
    };
    let requests: Vec<_> = (0..100).map(request).collect();
    client.write(&requests.concat()).await;
    for n in 0..100_usize {
        assert_eq!(client.answer().await.body, (n % 7).to_string());
    }
}
