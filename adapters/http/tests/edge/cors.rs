use comptoir_http::resource::path;
use comptoir_http::{Cors, Limits, PublicHosts, Request, edge, reply, routes};

use crate::client::{Answer, Server};

async fn ask(method: &str, target: &str, headers: &str) -> Answer {
    let page = path("/pay")
        .get(async |_: Request| reply::html("x"))
        .post(async |_: Request| reply::no_content());
    let cors = Cors::new(PublicHosts::default());
    let server = Server::of(edge(routes([page]), &cors), Limits::default()).await;
    server.send(&format!("{method} {target} HTTP/1.1\nHost: x\n{headers}\n")).await
}

#[tokio::test]
async fn our_own_pages_may_read_answers_and_errors() {
    let origin = "Origin: http://localhost:3000\n";
    let cases = [("GET", "/pay", 200), ("GET", "/nothing", 404), ("DELETE", "/pay", 405)];
    for (method, target, status) in cases {
        let answer = ask(method, target, origin).await;
        assert_eq!(answer.status, status);
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, Some("http://localhost:3000"));
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed, Some("Location, Retry-After"));
        assert_eq!(answer.header("vary"), Some("Origin"));
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
}

#[tokio::test]
async fn other_origins_get_the_answer_without_the_headers() {
    for origin in ["Origin: http://evil.example\n", "Origin: null\n", ""] {
        for method in ["GET", "OPTIONS"] {
            let headers = format!("{origin}Access-Control-Request-Method: POST\n");
            let answer = ask(method, "/pay", &headers).await;
            assert!(matches!(answer.status, 200 | 204), "{answer:?}");
            assert_eq!(answer.header("vary"), Some("Origin"));
            let named = |(name, _): &&(String, String)| name.starts_with("access-control");
            assert_eq!(answer.headers.iter().find(named), None, "{origin}");
        }
    }
}

#[tokio::test]
async fn a_preflight_names_methods_and_headers() {
    let preflight = "Origin: http://127.0.0.1:3000\nAccess-Control-Request-Method: POST\n\
        Access-Control-Request-Headers: content-type, idempotency-key\n";
    let answer = ask("OPTIONS", "/pay", preflight).await;
    assert_eq!(answer.status, 204);
    let expected = [
        ("allow", "GET, HEAD, POST, OPTIONS"),
        ("access-control-allow-origin", "http://127.0.0.1:3000"),
        ("access-control-allow-methods", "GET, HEAD, POST, OPTIONS"),
        (
            "access-control-allow-headers",
            "content-type, authorization, traceparent, idempotency-key",
        ),
        ("access-control-max-age", "600"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), Some(value));
    }
    let answer = ask("OPTIONS", "/nothing", preflight).await;
    assert_eq!(answer.problem(404), "not-found");
}
