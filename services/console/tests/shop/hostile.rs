//! Text that wants to be more than text, and JSON that wants to be more than a form.

use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::record::Record;
use comptoir_testkit::an_envelope;
use serde_json::{Value, json};

use crate::client::{Call, Service};
use crate::live::Live;
use crate::shop::{Codec, Shop};
use crate::stream_client::Page;

/// Markup, another line, what terminals obey (in 7 and in 8 bits), what turns text around, and NUL.
const HOSTILE: [&str; 9] = [
    "<img src=x onerror=alert(1)>",
    "\"><script>alert(1)</script>",
    "a\nb",
    "a\r\nSet-Cookie: b",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\u{9b}31m",
    "a\u{202e}exe.txt",
    "a\u{2066}b\u{2028}c",
    "a\0b\u{7f}",
];

/// As it is written in a form or a path.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02x}"))
}

#[tokio::test]
async fn a_name_that_wants_to_be_more_is_none() {
    let shop = Shop::open().await;
    for name in HOSTILE {
        let form = format!("username={}&password=secret", encoded(name));
        let json = json!({"username": name, "password": "secret"}).to_string();
        for call in [Call::post("/register").form(&form), Call::post("/register").json(&json)] {
            let answer = shop.users.send(call).await;
            assert_eq!(answer.wrong_fields(), ["username"], "{name:?}");
        }
        let answer = shop.users.send(Call::post("/login").form(&form)).await;
        assert_eq!(answer.problem(401), "wrong-credentials", "{name:?}");
    }
}

#[tokio::test]
async fn nothing_that_was_sent_becomes_a_header() {
    let shop = Shop::open().await;
    for text in HOSTILE {
        let path = encoded(text);
        for (service, call) in [
            (shop.payments, Call::get(format!("/payments/{path}"))),
            (shop.payments, Call::get(format!("/payments/x?wait={path}"))),
            (shop.inventories, Call::get(format!("/stock/{path}"))),
            (shop.payments, Call::post("/pay").form(&format!("sku={path}&currency={path}"))),
            (shop.logs, Call::get(format!("/api/lines?partition={path}"))),
            (shop.console, Call::get(format!("/api/v1/topics/{path}"))),
            (shop.console, Call::get(format!("/ui/{path}"))),
            (shop.logs, Call::get(format!("/assets/{path}"))),
        ] {
            let what = format!("{call:?}");
            let answer = service.send(call).await;
            assert!(answer.status < 500, "{what}");
            assert_eq!(answer.header("set-cookie"), None, "{what}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
            let kind = answer.header("content-type").unwrap_or_default();
            let page = kind.starts_with("text/html");
            assert!(page || kind.ends_with("json"), "{what}: {kind}");
            assert!(!page || !answer.text().contains("alert(1)"), "{what}");
        }
    }
}

/// Publishes what a stranger might, and gives what a client of each protocol is sent of it.
async fn shown(shop: &Shop, record: Record) -> [String; 2] {
    let (mut live, mut page) = (Live::plain(shop).await, Page::from(shop, "now").await);
    shop.publish(&shop.context.topics.notifications, record).await;
    [live.text().await, page.live.text().await]
}

fn is_harmless(frame: &str) {
    let acts =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!frame.chars().any(acts), "{frame:?}");
}

#[tokio::test]
async fn whatever_a_stranger_publishes_is_one_line_of_text() {
    let shop = Shop::open().await;
    for text in HOSTILE {
        let event = an_envelope().of_foreign(text).build();
        let mut stranger: Value =
            serde_json::from_slice(&Codec::encode(&event, None).value.unwrap()).unwrap();
        for member in ["source", "subject"] {
            stranger[member] = json!(text);
        }
        stranger["data"] = json!({"message": text, "level": text, text: text});
        let mut record = Codec::encode(&event, Some(text.as_bytes()));
        record.value = Some(stranger.to_string().into_bytes());
        record.headers.push((text.to_owned(), text.as_bytes().to_vec()));
        let [line, row] = shown(&shop, record).await;
        is_harmless(&line);
        is_harmless(&row);
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["event_type"], text);
        let row: Value = serde_json::from_str(&row).unwrap();
        assert_eq!(row["l"].as_array().unwrap().len(), 1, "{row}");
        assert_eq!(row["l"][0][6], line["message"]);
    }
}

#[tokio::test]
async fn an_article_may_be_called_anything_but_stays_text() {
    let shop = Shop::open().await;
    let mut live = Live::plain(&shop).await;
    for sku in HOSTILE {
        let call = Call::post("/pay").json(&json!({"sku": sku}).to_string());
        let answer = shop.payments.send(call).await;
        if sku.chars().any(char::is_control) {
            assert_eq!(answer.wrong_fields(), ["sku"], "{sku:?}");
        } else {
            assert_eq!(answer.ok(202)["sku"], sku);
            // Requested, not in stock, rejected.
            for _ in 0..3 {
                let frame = live.text().await;
                is_harmless(&frame);
                let frame: Value = serde_json::from_str(&frame).unwrap();
                assert_eq!(frame["fields"]["sku"], sku);
            }
        }
    }
}

#[tokio::test]
async fn json_that_is_too_much_is_refused_and_the_next_request_served() {
    let shop = Shop::open().await;
    let deep = format!("{}{}", "[".repeat(8_000), "]".repeat(8_000));
    let routes: [(Service, &str); 4] = [
        (shop.users, "/register"),
        (shop.users, "/login"),
        (shop.payments, "/pay"),
        (shop.inventories, "/stock/coffee-mug/receipts"),
    ];
    for (service, path) in routes {
        for (json, status) in [
            (deep.clone(), 400),
            (format!("{{\"quantity\":{deep}}}"), 400),
            (r#"{"quantity":1"#.to_owned(), 400),
            (r#"{"quantity":NaN}"#.to_owned(), 400),
            (r#"{"quantity":01}"#.to_owned(), 400),
            (r#"{"quantity":1e999}"#.to_owned(), 400),
            ("{\"quantity\":\"\u{0}\"}".to_owned(), 400),
            (r#"{"username":"\ud800","sku":"\ud800","quantity":"\ud800"}"#.to_owned(), 400),
            (r#"{"quantity":1}{"quantity":2}"#.to_owned(), 400),
            (r#"{"quantity":1,"quantity":2,"username":"a","username":"b"}"#.to_owned(), 422),
            (r#"{"quantity":99999999999999999999999999,"username":9e9}"#.to_owned(), 422),
            (r#"{"quantity":-1,"username":{}}"#.to_owned(), 422),
            (r#"{"quantity":1.5,"username":[]}"#.to_owned(), 422),
            (r#"{"quantity":"1e3","username":true}"#.to_owned(), 422),
            (format!("{{\"quantity\":{}}}", "9".repeat(15_000)), 400),
        ] {
            let answer = service.send(Call::post(path).json(&json)).await;
            let allowed = if json.len() > 15_000 { [400, 422] } else { [status, status] };
            let shown = &json[..json.len().min(60)];
            assert!(allowed.contains(&answer.status), "{path} {shown}: {}", answer.text());
            answer.problem(answer.status);
        }
    }
    assert_eq!(shop.stock("coffee-mug").await[0], 1_000_000, "nothing was received");
    shop.register("alice").await;
}
