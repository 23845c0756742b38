use std::time::Duration;

use comptoir_http::body::BodyLimits;
use comptoir_http::resource::path;
use comptoir_http::{Problem, Request, Resource, Response, StatusCode, reply};

use crate::client::{Answer, Server};

async fn register(mut request: Request) -> Result<Response, Problem> {
    let mut fields = request.fields().await?;
    let username = fields.text("username");
    let quantity = fields.integer("quantity");
    fields.check()?;
    Ok(reply::json(StatusCode::OK, &(username, quantity)))
}

async fn hasty(mut request: Request) -> Result<Response, Problem> {
    let limits = BodyLimits { time: Duration::from_millis(50), ..BodyLimits::default() };
    let length = request.bytes(limits).await?.len();
    Ok(reply::json(StatusCode::OK, &length))
}

fn resources() -> [Resource; 2] {
    [path("/register").post(register), path("/hasty").post(hasty)]
}

async fn post(kind: Option<&str>, body: &str) -> Answer {
    let server = Server::start(resources()).await;
    let kind = kind.map(|kind| format!("Content-Type: {kind}\n")).unwrap_or_default();
    let length = body.len();
    let head = format!("POST /register HTTP/1.1\nHost: x\n{kind}Content-Length: {length}\n\n");
    let mut client = server.connect().await;
    client.write(&head).await;
    client.write_raw(body.as_bytes()).await;
    client.answer().await
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn no_body_is_an_empty_form_with_or_without_a_length_and_whatever_its_type() {
    let server = Server::start(resources()).await;
    let headers = ["", "Content-Length: 0\n", "Content-Type: text/xml\nContent-Length: 0\n"];
    for headers in headers {
        let answer = server.send(&format!("POST /register HTTP/1.1\nHost: x\n{headers}\n")).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "[null,null]"), "{headers}");
    }
}

#[tokio::test]
async fn forms_and_json_are_read() {
    let cases = [
        (FORM, "username=al+ice%21&quantity=2&other=x"),
        ("Application/X-WWW-Form-URLencoded; charset=utf-8", "username=al%20ice!&quantity=2"),
        ("application/json", r#"{"username":"al ice!","quantity":2,"other":[]}"#),
        ("application/json;charset=UTF-8", r#"{"username":"al ice!","quantity":"2"}"#),
    ];
    for (kind, body) in cases {
        let answer = post(Some(kind), body).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"["al ice!",2]"#), "{kind}");
    }
}

#[tokio::test]
async fn a_chunked_body_is_read() {
    let server = Server::start(resources()).await;
    let request = format!(
        "POST /register HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nContent-Type: {FORM}\n\n\
         9\nusername=\n5\nalice\n0\n\n"
    );
    let answer = server.send(&request).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"["alice",null]"#));
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_400_and_an_unknown_type_415() {
    let json = Some("application/json");
    let cases = [
        (json, "{", 400, "malformed-body"),
        (json, "[1]", 400, "malformed-body"),
        (Some(FORM), "username=%zz", 400, "malformed-body"),
        (Some(FORM), "{\"username\":\"alice\"}", 400, "malformed-body"),
        (Some("text/plain"), "username=alice", 415, "unsupported-media-type"),
        (Some("multipart/form-data; boundary=x"), "--x--", 415, "unsupported-media-type"),
        (None, "username=alice", 415, "unsupported-media-type"),
        (json, r#"{"username":1,"quantity":{}}"#, 422, "invalid-fields"),
    ];
    for (kind, body, status, slug) in cases {
        assert_eq!(post(kind, body).await.problem(status), slug, "{kind:?} {body}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(7_000), "]".repeat(7_000));
    assert_eq!(post(json, &deep).await.problem(400), "malformed-body");
}

#[tokio::test]
async fn exactly_16_kib_are_read_and_not_a_byte_more() {
    let body = |length: usize| format!("x={}", "y".repeat(length - 2));
    assert_eq!(post(Some(FORM), &body(16_384)).await.status, 200);
    assert_eq!(post(Some(FORM), &body(16_385)).await.problem(413), "body-too-large");
    // Far more than the socket's buffers hold: the client gets its answer all the same.
    assert_eq!(post(Some(FORM), &body(900_000)).await.problem(413), "body-too-large");
}

#[tokio::test]
async fn a_chunked_body_without_end_is_cut_off() {
    let server = Server::start(resources()).await;
    let mut client = server.connect().await;
    let head = "POST /register HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n";
    client.write(head).await;
    for _ in 0..5 {
        client.write(&format!("1000\n{}\n", "y".repeat(0x1000))).await;
    }
    assert_eq!(client.answer().await.problem(413), "body-too-large");
}

#[tokio::test]
async fn a_client_that_asks_first_is_not_invited_to_send_too_much() {
    let server = Server::start(resources()).await;
    let answer = server
        .send("POST /register HTTP/1.1\nHost: x\nContent-Length: 20000\nExpect: 100-continue\n\n")
        .await;
    assert_eq!(answer.problem(413), "body-too-large");
}

#[tokio::test]
async fn a_slow_body_is_408() {
    let server = Server::start(resources()).await;
    let mut client = server.connect().await;
    client.write("POST /hasty HTTP/1.1\nHost: x\nContent-Length: 5\n\nabc").await;
    let answer = client.answer().await;
    assert_eq!(answer.problem(408), "body-too-slow");
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn broken_chunks_are_400() {
    let server = Server::start(resources()).await;
    let request = "POST /register HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nzz\nabc\n";
    assert_eq!(server.send(request).await.problem(400), "malformed-request");
}
