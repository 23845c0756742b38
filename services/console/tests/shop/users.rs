//! `POST /register`, `POST /login`, `GET /me`.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use crate::client::{Answer, Call};
use crate::shop::{Shop, until};

async fn register(shop: &Shop, call: impl FnOnce(Call) -> Call + Send) -> Answer {
    shop.users.send(call(Call::post("/register"))).await
}

async fn log_in(shop: &Shop, username: &str, password: &str) -> Answer {
    let form = format!("username={username}&password={password}");
    shop.users.send(Call::post("/login").form(&form)).await
}

#[tokio::test]
async fn registering_takes_a_form_and_json_and_says_who_it_is() {
    let shop = Shop::open().await;
    let form = register(&shop, |call| call.form("username=alice&password=secret")).await;
    let json = r#"{"username":"bob","password":"secret","unknown":[1]}"#;
    let json = register(&shop, |call| call.json(json)).await;
    for (answer, name) in [(form, "alice"), (json, "bob")] {
        let answer = answer.ok(201);
        let id = answer["id"].as_str().unwrap();
        assert_eq!(answer, json!({"id": id, "username": name}));
    }
}

#[tokio::test]
async fn a_name_is_taken_in_whatever_case() {
    let shop = Shop::open().await;
    shop.register("alice").await;
    for name in ["alice", "ALICE", "aLiCe"] {
        let form = format!("username={name}&password=another");
        let answer = register(&shop, |call| call.form(&form)).await;
        assert_eq!(answer.problem(409), "username-taken", "{name}");
    }
    // The name stays as it was typed.
    shop.register("Bob").await;
    assert_eq!(log_in(&shop, "bob", "secret").await.status, 200);
}

#[tokio::test]
async fn of_two_who_come_at_once_one_gets_the_name() {
    let shop = Shop::open().await;
    let racing =
        (0..8).map(|_| register(&shop, |call| call.form("username=alice&password=secret")));
    let mut statuses: Vec<_> = join_all(racing).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn every_invalid_field_is_named() {
    let shop = Shop::open().await;
    let (long_name, long_password) = ("x".repeat(65), "x".repeat(1_025));
    for (form, fields) in [
        ("", ["username", "password"].as_slice()),
        ("username=&password=", &["username", "password"]),
        ("username=a%20b&password=12345", &["username", "password"]),
        ("username=alice", &["password"]),
        ("password=secret", &["username"]),
        ("username=alice&username=bob&password=secret", &["username"]),
        (&format!("username={long_name}&password={long_password}"), &["username", "password"]),
    ] {
        let answer = register(&shop, |call| call.form(form)).await;
        assert_eq!(answer.wrong_fields(), fields, "{form}");
    }
    let answer = register(&shop, |call| call.json(r#"{"username":7,"password":null}"#)).await;
    assert_eq!(answer.wrong_fields(), ["username", "password"]);
}

#[tokio::test]
async fn the_bounds_of_name_and_password_are_taken() {
    let shop = Shop::open().await;
    for (name, password) in [
        ("x".repeat(64), "123456".to_owned()),
        ("y".to_owned(), "x".repeat(1_024)),
        ("A.b_c-d%40e%2Bf".to_owned(), "secret".to_owned()),
    ] {
        let form = format!("username={name}&password={password}");
        let answer = register(&shop, |call| call.form(&form)).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_empty_body_is_an_empty_form() {
    let shop = Shop::open().await;
    for call in [
        Call::post("/register"),
        Call::post("/register").untyped(""),
        Call::post("/register").json(""),
        Call::post("/login"),
    ] {
        let answer = shop.users.send(call).await;
        assert_eq!(answer.wrong_fields(), ["username", "password"]);
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_by_its_reason() {
    let shop = Shop::open().await;
    let good = "username=alice&password=secret";
    let large = format!("{good}&more={}", "x".repeat(16 * 1_024));
    for (call, status, slug) in [
        (Call::post("/register").untyped(good), 415, "unsupported-media-type"),
        (Call::post("/register").typed("text/plain", good), 415, "unsupported-media-type"),
        (Call::post("/register").form(&large), 413, "body-too-large"),
        (Call::post("/register").json("{\"username\":"), 400, "malformed-body"),
        (Call::post("/register").json("[]"), 400, "malformed-body"),
        (Call::post("/register").form("username=%zz"), 400, "malformed-body"),
        (Call::post("/register").form("username=%ff&password=secret"), 400, "malformed-body"),
    ] {
        let answer = shop.users.send(call.clone()).await;
        assert_eq!(answer.problem(status), slug, "{call:?}");
    }
    assert_eq!(log_in(&shop, "alice", "secret").await.status, 401, "nobody was registered");
}

#[tokio::test]
async fn logging_in_gives_a_token_that_says_who_it_is() {
    let shop = Shop::open().await;
    let id = shop.register("Alice").await;
    let answer = log_in(&shop, "aLICE", "secret").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.ok(200);
    let token = answer["token"].as_str().unwrap();
    assert_eq!(answer, json!({"token": token, "token_type": "Bearer", "expires_in": 3_600}));
    let me = shop.users.send(Call::get("/me").bearer(token)).await.ok(200);
    assert_eq!(me, json!({"id": id, "username": "Alice"}));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let shop = Shop::open().await;
    shop.register("alice").await;
    let wrong = log_in(&shop, "alice", "Secret").await;
    for (name, password) in [("nobody", "secret"), ("a%20b", "secret"), ("", "")] {
        let unknown = log_in(&shop, name, password).await;
        assert_eq!(unknown.problem(401), "wrong-credentials", "{name}");
        assert_eq!(unknown.text(), wrong.text(), "{name}");
        assert!(unknown.header("www-authenticate").is_some_and(|how| how.starts_with("Bearer")));
    }
    assert_eq!(wrong.problem(401), "wrong-credentials");
}

#[tokio::test]
async fn a_password_that_nobody_can_have_is_not_hashed() {
    let shop = Shop::open().await;
    let answer = log_in(&shop, "alice", &"x".repeat(1_025)).await;
    assert_eq!(answer.wrong_fields(), ["password"]);
}

#[tokio::test]
async fn me_wants_a_token_that_is_valid_now() {
    let shop = Shop::open().await;
    let me = |call: Call| async { shop.users.send(call).await };
    let without = me(Call::get("/me")).await;
    assert_eq!(without.problem(401), "unauthorized");
    assert_eq!(without.header("www-authenticate"), Some("Bearer realm=\"comptoir\""));

    shop.register("alice").await;
    let token = shop.log_in("alice").await;
    let other = format!("{}x", &token[..token.len() - 1]);
    for call in [
        Call::get("/me").bearer(&other),
        Call::get("/me").bearer("not-a-token"),
        Call::get("/me").header("Authorization", "Basic YTpi"),
        Call::get("/me").bearer(""),
    ] {
        let answer = me(call).await;
        assert_eq!(answer.problem(401), "invalid-token");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    shop.clock.advance(Duration::from_secs(3_599));
    assert_eq!(me(Call::get("/me").bearer(&token)).await.status, 200);
    shop.clock.advance(Duration::from_secs(1));
    assert_eq!(me(Call::get("/me").bearer(&token)).await.status, 401);
}

#[tokio::test]
async fn only_what_succeeds_is_told() {
    let shop = Shop::open().await;
    let id = shop.register("alice").await;
    let _ = register(&shop, |call| call.form("username=alice&password=secret")).await;
    let _ = log_in(&shop, "alice", "wrong-one").await;
    shop.log_in("alice").await;
    until("both events", || async { shop.told_about(&id).await.len() >= 2 }).await;
    let told = shop.told_about(&id).await;
    assert_eq!(told, ["comptoir.user.registered.v1", "comptoir.user.logged_in.v1"]);
    let all = shop.records(&shop.context.topics.notifications).await;
    assert_eq!(all.len(), 2, "and nothing about anybody else");
    assert!(all.iter().all(|stored| stored.record.key.as_deref() == Some(id.as_bytes())));
}
