//! What holds for every route of every service.

use crate::client::{Call, Service};
use crate::shop::Shop;

/// Service, path, methods of every route that needs no data.
fn routes(shop: &Shop) -> Vec<(Service, &'static str, &'static str)> {
    vec![
        (shop.users, "/register", "POST, OPTIONS"),
        (shop.users, "/login", "POST, OPTIONS"),
        (shop.users, "/me", "GET, HEAD, OPTIONS"),
        (shop.payments, "/pay", "POST, OPTIONS"),
        (shop.payments, "/payments/1", "GET, HEAD, OPTIONS"),
        (shop.payments, "/payments/1/refund", "POST, OPTIONS"),
        (shop.inventories, "/stock", "GET, HEAD, OPTIONS"),
        (shop.inventories, "/stock/tea-pot", "GET, HEAD, OPTIONS"),
        (shop.inventories, "/stock/tea-pot/receipts", "POST, OPTIONS"),
        (shop.notifications, "/health/live", "GET, HEAD, OPTIONS"),
        (shop.logs, "/", "GET, HEAD, OPTIONS"),
        (shop.logs, "/ws", "GET, HEAD, OPTIONS"),
        (shop.logs, "/api/meta", "GET, HEAD, OPTIONS"),
        (shop.logs, "/api/lines", "GET, HEAD, OPTIONS"),
        (shop.console, "/", "GET, HEAD, OPTIONS"),
        (shop.console, "/api/v1/overview", "GET, HEAD, OPTIONS"),
        (shop.console, "/api/v1/topics/logs", "GET, HEAD, OPTIONS"),
        (shop.console, "/api/v1/topics/logs/messages", "GET, HEAD, OPTIONS"),
        (shop.console, "/api/v1/topics/logs/messages/0/0", "GET, HEAD, OPTIONS"),
        (shop.console, "/api/v1/dead-letters", "GET, HEAD, OPTIONS"),
        (shop.console, "/api/v1/topics/logs/dead-letters", "GET, HEAD, OPTIONS"),
        (shop.console, "/api/v1/topics/logs/dead-letters/0/0", "GET, HEAD, OPTIONS"),
        (shop.console, "/api/v1/topics/logs/dead-letters/replay", "POST, OPTIONS"),
        (shop.console, "/api/v1/groups", "GET, HEAD, OPTIONS"),
        (shop.console, "/api/v1/groups/notifications-service", "GET, HEAD, OPTIONS"),
    ]
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_refused_with_those_it_does() {
    let shop = Shop::open().await;
    for (service, path, allow) in routes(&shop) {
        for method in ["DELETE", "PUT", "PATCH"] {
            let answer = service.send(Call::of(method, path)).await;
            assert_eq!(answer.problem(405), "method-not-allowed", "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
        }
        let options = service.send(Call::of("OPTIONS", path)).await;
        assert_eq!((options.status, options.header("allow")), (204, Some(allow)), "{path}");
        let other = if allow.contains("GET") { "POST" } else { "GET" };
        let answer = service.send(Call::of(other, path)).await;
        assert_eq!(answer.problem(405), "method-not-allowed", "{other} {path}");
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let shop = Shop::open().await;
    let gets = routes(&shop).into_iter().filter(|(.., allow)| allow.contains("GET"));
    for (service, path, _) in gets {
        let get = service.get(path).await;
        let head = service.send(Call::of("HEAD", path)).await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        for name in ["content-type", "content-length", "cache-control", "content-security-policy"] {
            // The overview tells the time, and messages how long it took: their length may differ.
            assert_eq!(head.header(name).is_some(), get.header(name).is_some(), "{path} {name}");
        }
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_everywhere() {
    let shop = Shop::open().await;
    for (service, path, _) in routes(&shop) {
        for unknown in [format!("{path}/no/such/thing/at/all"), "/nothing".to_owned()] {
            let answer = service.get(&*unknown).await;
            assert_eq!(answer.status, 404, "{unknown}");
            answer.problem(404);
        }
    }
}

#[tokio::test]
async fn our_own_pages_may_read_every_answer_and_no_others_may() {
    let shop = Shop::open().await;
    for (service, path, _) in routes(&shop) {
        let own = Call::of("DELETE", path).header("Origin", "http://localhost:3000");
        let own = service.send(own).await;
        let allowed = own.header("access-control-allow-origin");
        assert_eq!(allowed, Some("http://localhost:3000"), "{path}");
        let foreign = Call::of("DELETE", path).header("Origin", "http://evil.example");
        let foreign = service.send(foreign).await;
        assert_eq!(foreign.header("access-control-allow-origin"), None, "{path}");
        assert_eq!(own.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

/// Everything that shows what the shop knows, besides the routes that a token or an id guards.
fn windows(shop: &Shop) -> Vec<(Service, &'static str)> {
    vec![
        (shop.logs, "/"),
        (shop.logs, "/api/meta"),
        (shop.logs, "/api/lines?partition=0"),
        (shop.console, "/"),
        (shop.console, "/ui/topics/logs"),
        (shop.console, "/api/v1/overview"),
        (shop.console, "/api/v1/topics/logs"),
        (shop.console, "/api/v1/topics/logs/messages"),
        (shop.console, "/api/v1/topics/logs/messages/0/0"),
        (shop.console, "/api/v1/dead-letters"),
        (shop.console, "/api/v1/topics/logs/dead-letters"),
        (shop.console, "/api/v1/topics/logs/dead-letters/0/0"),
        (shop.console, "/api/v1/groups"),
        (shop.console, "/api/v1/groups/notifications-service"),
    ]
}

#[tokio::test]
async fn pages_are_shown_under_our_own_names_only() {
    let shop = Shop::open().await;
    for (service, path) in windows(&shop) {
        let foreign = service.send(Call::get(path).on_host("evil.example")).await;
        assert_eq!(foreign.problem(403), "foreign-host", "{path}");
        let framed = Call::get(path).header("Origin", "http://evil.example");
        assert_eq!(service.send(framed).await.problem(403), "foreign-origin", "{path}");
        for own in ["127.0.0.1:9", "[::1]:3000", "LOCALHOST"] {
            let answer = service.send(Call::get(path).on_host(own)).await;
            assert_ne!(answer.status, 403, "{path} on {own}");
        }
    }
}

#[tokio::test]
async fn a_handshake_from_a_foreign_page_is_refused() {
    let shop = Shop::open().await;
    let handshake = |path: &str| {
        Call::get(path)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    for path in ["/", "/ws"] {
        for origin in ["null", "http://evil.example", "file://", "http://localhost.evil.example"] {
            let refused = shop.logs.send(handshake(path).header("Origin", origin)).await;
            assert_eq!(refused.problem(403), "foreign-origin", "{path} {origin}");
        }
        let refused = shop.logs.send(handshake(path).on_host("evil.example")).await;
        assert_eq!(refused.problem(403), "foreign-host", "{path}");
        for origin in ["http://localhost:8080", "https://127.0.0.1"] {
            let live = crate::live::connect(&shop, path, &[("origin", origin)]).await;
            assert!(live.is_ok(), "{path} {origin}: {live:?}");
        }
    }
}

#[tokio::test]
async fn the_pages_are_documents_with_a_policy() {
    let shop = Shop::open().await;
    for (service, path) in
        [(shop.logs, "/"), (shop.logs, "/ws"), (shop.console, "/"), (shop.console, "/ui/x/y")]
    {
        let page = service.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        let kind = page.header("content-type").unwrap();
        assert!(kind.starts_with("text/html"), "{path}: {kind}");
        assert!(page.header("content-security-policy").is_some(), "{path}");
        assert!(page.text().contains("<html"), "{path}");
    }
}
