//! Requests that two readers could cut differently, and heads that are none.

use comptoir_http::body::BodyLimits;
use comptoir_http::resource::path;
use comptoir_http::{Problem, Request, Resource, Response, StatusCode, reply};
use tokio::io::AsyncWriteExt as _;

use crate::client::Server;

async fn read(mut request: Request) -> Result<Response, Problem> {
    let length = request.bytes(BodyLimits::default()).await?.len();
    Ok(reply::json(StatusCode::OK, &length))
}

fn resources() -> [Resource; 2] {
    let secret = async |_: Request| reply::text(StatusCode::OK, "smuggled");
    [path("/read").post(read), path("/smuggled").get(secret)]
}

/// What another reader might take for a second request.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn a_body_with_two_lengths_ends_its_connection() {
    let server = Server::start(resources()).await;
    for headers in [
        "Content-Length: 6\nTransfer-Encoding: chunked\n",
        "Transfer-Encoding: chunked\nContent-Length: 6\n",
        "Content-Length: 60\nTransfer-Encoding: chunked\n",
    ] {
        let mut client = server.connect().await;
        let head = format!("POST /read HTTP/1.1\nHost: x\n{headers}\n0\n\n");
        client.write(&head).await;
        // It may be cut off already.
        let _ = client.stream.write_all(SMUGGLED.as_bytes()).await;
        let all = client.rest().await;
        assert!(!all.contains("smuggled"), "{headers}: {all}");
        assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{headers}: {all}");
    }
}

#[tokio::test]
async fn a_length_that_is_none_is_400_and_ends_the_connection() {
    let server = Server::start(resources()).await;
    for headers in [
        "Content-Length: 3\nContent-Length: 40\n",
        "Content-Length: 3, 40\n",
        "Content-Length: +3\n",
        "Content-Length: -3\n",
        "Content-Length: 0x3\n",
        "Content-Length: 99999999999999999999999\n",
        "Content-Length: three\n",
        "Transfer-Encoding: gzip\n",
        "Transfer-Encoding: chunked, identity\n",
        "Transfer-Encoding: xchunked\n",
        "Transfer-Encoding : chunked\n",
        "Transfer-Encoding\x0b: chunked\n",
        "Content-Length: 3\n folded: x\n",
        "X: a\0b\n",
        "X: a\x01b\n",
        " X: leading\n",
        "X\n",
        ": empty\n",
    ] {
        let mut client = server.connect().await;
        client.write(&format!("POST /read HTTP/1.1\nHost: x\n{headers}\nabc{SMUGGLED}")).await;
        let all = client.rest().await;
        assert!(all.starts_with("HTTP/1.1 400 "), "{headers:?}: {all}");
        assert!(all.contains("/problems/malformed-request"), "{headers:?}: {all}");
        assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{headers:?}: {all}");
    }
    let mut client = server.connect().await;
    client.write("POST /read HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n").await;
    assert!(client.rest().await.contains(" 400 "), "HTTP/1.0 has no chunks");
}

#[tokio::test]
async fn a_request_line_that_is_none_is_400() {
    let server = Server::start(resources()).await;
    for line in [
        "GET",
        "GET /read",
        "GET  /read HTTP/1.1",
        "GET /re ad HTTP/1.1",
        "GET /read HTTP/9.9",
        "GET /read FTP/1.1",
        "G(T /read HTTP/1.1",
        "GET /\x01 HTTP/1.1",
        "PRI * HTTP/2.0",
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{7f}",
    ] {
        let mut client = server.connect().await;
        client.write(&format!("{line}\nHost: x\n\n")).await;
        let all = client.rest().await;
        assert!(all.starts_with("HTTP/1.1 400 "), "{line:?}: {all}");
    }
}

#[tokio::test]
async fn what_is_no_utf_8_in_a_path_is_400_or_unknown() {
    let server = Server::start(resources()).await;
    for target in ["/%ff", "/%c3%28", "/%", "/%zz", "/%u0041"] {
        let answer = server.send(&format!("GET {target} HTTP/1.1\nHost: x\n\n")).await;
        assert_eq!(answer.problem(400), "malformed-request", "{target}");
    }
    for target in ["/%00", "/..%2f..%2fetc", "/%2e%2e/read", "/read%0d%0aX:%20y"] {
        let answer = server.send(&format!("GET {target} HTTP/1.1\nHost: x\n\n")).await;
        assert_eq!(answer.problem(404), "not-found", "{target}");
    }
    let mut client = server.connect().await;
    client.write_raw(b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let all = client.rest().await;
    assert!(all.starts_with("HTTP/1.1 400 "), "{all}");
}

#[tokio::test]
async fn a_head_beyond_its_bounds_is_431_or_414() {
    let server = Server::start(resources()).await;
    for (headers, status) in [
        (format!("X: {}\n", "x".repeat(16 * 1024)), 431),
        ("X: x\n".repeat(101), 431),
        ("X: x\n".repeat(90), 200),
    ] {
        let request = format!("POST /read HTTP/1.1\nHost: x\n{headers}\n");
        let answer = server.send(&request).await;
        assert_eq!(answer.status, status, "{} bytes", headers.len());
    }
    let answer = server.send(&format!("GET /{} HTTP/1.1\n\n", "x".repeat(70_000))).await;
    assert!([414, 431].contains(&answer.status), "{answer:?}");
}

#[tokio::test]
async fn a_body_that_is_shorter_or_longer_than_it_says_is_no_request_more() {
    let server = Server::start(resources()).await;
    // Longer: the rest is taken for a request, and is none.
    let mut client = server.connect().await;
    client.write("POST /read HTTP/1.1\nHost: x\nContent-Length: 3\n\nabcdef\n\n").await;
    let all = client.rest().await;
    assert!(all.starts_with("HTTP/1.1 200 ") && all.contains(" 400 "), "{all}");
    // Shorter, and then the end.
    let mut client = server.connect().await;
    client.write("POST /read HTTP/1.1\nHost: x\nContent-Length: 30\n\nabc").await;
    client.stream.shutdown().await.unwrap();
    let all = client.rest().await;
    assert!(!all.contains(" 200 "), "{all}");
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_not_taken_for_a_request() {
    let server = Server::start(resources()).await;
    for head in ["GET /smuggled", "POST /nothing", "DELETE /read"] {
        let mut client = server.connect().await;
        let length = SMUGGLED.len();
        client.write(&format!("{head} HTTP/1.1\nHost: x\nContent-Length: {length}\n\n")).await;
        let first = client.answer().await;
        let _ = client.stream.write_all(SMUGGLED.as_bytes()).await;
        assert!(first.status == 200 || first.status >= 404, "{first:?}");
        client.stream.shutdown().await.ok();
        assert_eq!(client.rest().await, "", "{head}");
    }
}
