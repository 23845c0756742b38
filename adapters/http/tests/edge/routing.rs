use comptoir_http::resource::{path, with};
use comptoir_http::{
    Bearer, Cors, Limits, Problem, Readiness, Request, Resource, Response, Routes, StatusCode,
    edge, health, reply, routes,
};
use warp::{Filter, Reply};

use crate::client::Server;

async fn show(request: Request) -> Result<Response, Problem> {
    let mut query = request.query()?;
    let wait = query.integer_in("wait", 0..=30);
    query.check()?;
    let seen = (request.param("id"), wait, request.peer().ip().to_string());
    Ok(reply::json(StatusCode::OK, &seen))
}

async fn refund(request: Request) -> Response {
    let token = matches!(request.bearer(), Bearer::Token("abc"));
    reply::json(StatusCode::ACCEPTED, &(request.param("id"), token, request.traceparent()))
}

fn resources() -> Vec<Resource> {
    let panics = |_: Request| async { panic!("on purpose") as Response };
    vec![
        path("/").get(async |_: Request| reply::html("home")),
        path("/payments/{id}").get(show),
        path("/payments/{id}/refund").post(refund),
        path("/panics").get(panics),
    ]
}

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let server = Server::start(resources()).await;
    for target in ["/nothing", "/payments", "/payments/", "/payments/1/", "//", "/payments/1?x"] {
        let answer = server.send(&format!("GET {target} HTTP/1.1\nHost: x\n\n")).await;
        if target.ends_with("?x") {
            assert_eq!(answer.status, 200);
        } else {
            assert_eq!(answer.problem(404), "not-found", "{target}");
        }
    }
    let answer = server.send("GET /payments/%zz HTTP/1.1\nHost: x\n\n").await;
    assert_eq!(answer.problem(400), "malformed-request");
}

#[tokio::test]
async fn path_and_query_are_decoded() {
    let server = Server::start(resources()).await;
    let answer = server.send("GET /payments/a%20b%2Fc?wait=%33 HTTP/1.1\nHost: x\n\n").await;
    assert_eq!(answer.json(), serde_json::json!(["a b/c", 3, "127.0.0.1"]));
    let answer = server.send("GET /payments/1?wait=31 HTTP/1.1\nHost: x\n\n").await;
    assert_eq!(answer.problem(422), "invalid-fields");
    let expected = serde_json::json!([{"field": "wait", "detail": "must be from 0 to 30"}]);
    assert_eq!(answer.json()["errors"], expected);
    let answer = server.send("GET /payments/1?wait=%f HTTP/1.1\nHost: x\n\n").await;
    assert_eq!(answer.problem(400), "malformed-request");
}

#[tokio::test]
async fn headers_reach_the_handler() {
    let server = Server::start(resources()).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = server
        .send(&format!(
            "POST /payments/7/refund HTTP/1.1\nHost: x\nAuthorization: bearer abc\n\
             Traceparent: {trace}\n\n"
        ))
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), serde_json::json!(["7", true, trace]));
}

#[tokio::test]
async fn a_secret_header_does_not_show() {
    let show = async |request: Request| {
        reply::text(StatusCode::OK, format!("{:?} {request:?}", request.headers()))
    };
    let server = Server::start([path("/").get(show)]).await;
    let headers = "Authorization: Bearer hush\nAuthorization: Basic hush\nCookie: hush\nX: seen\n";
    let shown = server.send(&format!("GET /?hush HTTP/1.1\nHost: x\n{headers}\n")).await.body;
    assert!(shown.contains("seen") && !shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_says_which_are_right() {
    let server = Server::start(resources()).await;
    let cases = [("/payments/1", "GET, HEAD, OPTIONS"), ("/payments/1/refund", "POST, OPTIONS")];
    for (target, allow) in cases {
        for method in ["DELETE", "ODD"] {
            let answer = server.send(&format!("{method} {target} HTTP/1.1\nHost: x\n\n")).await;
            assert_eq!(answer.problem(405), "method-not-allowed");
            assert_eq!(answer.header("allow"), Some(allow));
        }
        let answer = server.send(&format!("OPTIONS {target} HTTP/1.1\nHost: x\n\n")).await;
        assert_eq!((answer.status, answer.header("allow")), (204, Some(allow)));
    }
    let mut client = server.connect().await;
    client.write("HEAD /payments/1/refund HTTP/1.1\nHost: x\n\n").await;
    let answer = client.answer_to_head().await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, OPTIONS")));
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let server = Server::start(resources()).await;
    let mut client = server.connect().await;
    client.write("GET /payments/1 HTTP/1.1\nHost: x\n\n").await;
    let get = client.answer().await;
    client.write("HEAD /payments/1 HTTP/1.1\nHost: x\n\n").await;
    let head = client.answer_to_head().await;
    let comparable = |mut headers: Vec<(String, String)>| {
        headers.retain(|(name, _)| name != "date");
        headers.sort();
        headers
    };
    assert_eq!((get.status, head.status), (200, 200));
    assert_eq!(comparable(get.headers), comparable(head.headers));
    // The next answer begins right behind the head, so there was no body.
    client.write("GET / HTTP/1.1\nHost: x\n\n").await;
    assert_eq!(client.answer().await.body, "home");
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_server_goes_on() {
    let server = Server::start(resources()).await;
    let mut client = server.connect().await;
    client.write("GET /panics HTTP/1.1\nHost: x\n\n").await;
    assert_eq!(client.answer().await.problem(500), "internal-error");
    client.write("GET / HTTP/1.1\nHost: x\n\n").await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn resources_compose_with_plain_warp_filters() {
    let plain = warp::path!("plain").map(|| "plain".into_response());
    let both: Routes = routes(resources()).or(plain).unify().boxed();
    let server = Server::of(edge(both, &Cors::off()), Limits::default()).await;
    assert_eq!(server.send("GET /plain HTTP/1.1\nHost: x\n\n").await.body, "plain");
    assert_eq!(server.send("GET / HTTP/1.1\nHost: x\n\n").await.body, "home");
    let answer = server.send("GET /neither HTTP/1.1\nHost: x\n\n").await;
    assert_eq!(answer.problem(404), "not-found");
}

#[tokio::test]
async fn what_hyper_refuses_is_a_problem_too() {
    let server = Server::start(resources()).await;
    let long = "x".repeat(20_000);
    let cases = [
        ("GARBAGE\n\n".to_owned(), 400, "malformed-request"),
        ("GET /<x> HTTP/1.1\nHost: x\n\n".to_owned(), 400, "malformed-request"),
        ("GET / HTTP/1.1\nHost x\n\n".to_owned(), 400, "malformed-request"),
        ("POST / HTTP/1.1\nContent-Length: many\n\n".to_owned(), 400, "malformed-request"),
        (format!("GET /{long} HTTP/1.1\nHost: x\n\n"), 431, "head-too-large"),
        (format!("GET / HTTP/1.1\nHost: x\nX: {long}\n\n"), 431, "head-too-large"),
    ];
    for (request, status, slug) in cases {
        for greeting in [false, true] {
            let mut client = server.connect().await;
            if greeting {
                client.write("GET / HTTP/1.1\nHost: x\n\n").await;
                assert_eq!(client.answer().await.status, 200);
            }
            client.write(&request).await;
            let answer = client.answer().await;
            assert_eq!(answer.problem(status), slug);
            assert_eq!(client.rest().await, "");
        }
    }
}

#[tokio::test]
async fn health_tells_what_is_missing_to_whoever_asks() {
    let readiness = Readiness::default();
    let count = path("/ready").get(with(&readiness, async |readiness: Readiness, _: Request| {
        reply::json(StatusCode::OK, &readiness.is_ready())
    }));
    let server = Server::start(health::resources(&readiness).into_iter().chain([count])).await;
    let ask = "GET /health/ready HTTP/1.1\nHost: evil.example\nOrigin: null\n\n";
    let answer = server.send(ask).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"ready"}"#));
    readiness.set_degraded("kafka");
    let answer = server.send(ask).await;
    assert_eq!((answer.status, &answer.json()["degraded"][0]), (200, &"kafka".into()));
    readiness.set_missing("mongodb");
    let answer = server.send(ask).await;
    assert_eq!(answer.problem(503), "unready");
    assert_eq!(answer.header("retry-after"), Some("1"));
    let expected = serde_json::json!([["mongodb"], ["kafka"]]);
    assert_eq!(serde_json::json!([answer.json()["missing"], answer.json()["degraded"]]), expected);
    assert_eq!(server.send("GET /ready HTTP/1.1\nHost: x\n\n").await.body, "false");
    let answer = server.send("GET /health/live HTTP/1.1\nHost: x\n\n").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"live"}"#));
}
