use super::*;

struct Taken;

impl IntoProblem for Taken {
    fn problem(&self) -> Problem {
        Problem::conflict("username-taken", "The name is taken", "Choose another name.")
    }
}

fn refuse() -> Result<(), Problem> {
    Err(Taken)?
}

#[test]
fn a_refusal_becomes_a_document_with_a_stable_type_and_a_hint() {
    let problem = refuse().unwrap_err().with_member("status_now", "pending");
    let json: Value = serde_json::from_slice(&problem.to_json()).unwrap();
    let expected = serde_json::json!({
        "type": "/problems/username-taken", "title": "The name is taken", "status": 409,
        "hint": "Choose another name.", "status_now": "pending",
    });
    assert_eq!(json, expected);
}

#[test]
fn every_constructor_has_a_hint_and_its_headers() {
    use std::time::Duration;
    let wait = Duration::from_millis(1_200);
    let cases = [
        (Problem::bad_request("x"), 400, None),
        (Problem::unauthorized(), 401, Some(("www-authenticate", "Bearer realm=\"comptoir\""))),
        (
            Problem::invalid_token("expired"),
            401,
            Some(("www-authenticate", "Bearer realm=\"comptoir\", error=\"invalid_token\"")),
        ),
        (Problem::forbidden("x"), 403, None),
        (Problem::not_found(), 404, None),
        (Problem::method_not_allowed("GET, HEAD"), 405, Some(("allow", "GET, HEAD"))),
        (Problem::slow_body(), 408, Some(("connection", "close"))),
        (Problem::body_too_large(16), 413, None),
        (Problem::unsupported_media_type("x"), 415, None),
        (Problem::invalid_fields(Vec::new()), 422, None),
        (Problem::websocket_version(), 426, Some(("sec-websocket-version", "13"))),
        (Problem::too_many_requests(wait), 429, Some(("retry-after", "2"))),
        (Problem::internal(), 500, None),
        (Problem::unavailable(Duration::ZERO), 503, Some(("retry-after", "1"))),
    ];
    for (problem, status, header) in cases {
        let json: Value = serde_json::from_slice(&problem.to_json()).unwrap();
        assert!(json["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{problem}");
        let response = problem.into_response();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        if let Some((name, value)) = header {
            assert_eq!(response.headers()[name], value);
        }
    }
}
