//! What is no event is refused with a line that says why.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::error::Error;

use comptoir_domain::port::codec::{EventCodec, Unreadable};
use comptoir_domain::record::Record;
use comptoir_wire::CloudEventsJson;
use serde_json::{Value, json};

fn decode(value: impl Into<Vec<u8>>) -> Unreadable {
    let record = Record { value: Some(value.into()), ..Record::default() };
    CloudEventsJson::decode(&record).unwrap_err()
}

fn payment() -> Value {
    json!({
        "specversion": "1.0", "id": "e1", "source": "s", "type": "comptoir.payment.rejected.v1",
        "time": "2026-02-03T04:05:06Z",
        "data": {
            "payment_id": "0192d3a4-0000-7000-8000-0000000000aa", "sku": "mug", "quantity": 1,
            "amount": 1, "currency": "EUR", "reason": "out_of_stock",
        },
    })
}

fn user() -> Value {
    json!({
        "specversion": "1.0", "id": "e1", "source": "s", "type": "comptoir.user.registered.v1",
        "data": { "user_id": "0192d3a4-0000-7000-8000-000000000001", "username": "alice" },
    })
}

fn line() -> Value {
    json!({
        "specversion": "1.0", "id": "e1", "source": "s", "type": "comptoir.log.written.v1",
        "data": {
            "id": "e1", "time": "2026-02-03T04:05:06Z", "level": "INFO", "service": "s",
            "message": "m", "trace_id": "t", "event_type": "x",
        },
    })
}

/// The event with one value replaced, or without it.
fn with(mut event: Value, pointer: &str, value: Option<Value>) -> String {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let object = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
    event.to_string()
}

#[test]
fn the_examples_are_readable_as_they_stand() {
    for event in [payment(), user(), line()] {
        let record = Record { value: Some(event.to_string().into_bytes()), ..Record::default() };
        assert!(CloudEventsJson::decode(&record).is_ok(), "{event}");
    }
}

#[test]
fn a_tombstone_is_unreadable() {
    let error = CloudEventsJson::decode(&Record::default()).unwrap_err();
    assert!(error.problem.contains("tombstone"), "{error}");
}

#[test]
fn bytes_that_are_no_json_keep_the_parser_s_error() {
    for value in [&b"\xff\xfe"[..], b"", b"hello", b"{", b"{\"specversion\":\"1.0\"", b"{} {}"] {
        let error = decode(value);
        let shown = String::from_utf8_lossy(value);
        assert!(error.source().is_some() || value == b"{} {}", "{shown}: {error}");
    }
}

#[test]
fn an_envelope_that_does_not_fit_is_named() {
    for (pointer, value, named) in [
        ("/specversion", None, "specversion"),
        ("/specversion", Some(json!("0.3")), "specversion"),
        ("/specversion", Some(json!("1.0.2")), "specversion"),
        ("/specversion", Some(json!(1.0)), "string"),
        ("/id", None, "`id`"),
        ("/id", Some(json!("")), "`id`"),
        ("/id", Some(json!("x".repeat(513))), "`id`"),
        ("/id", Some(json!(null)), "string"),
        ("/source", None, "`source`"),
        ("/source", Some(json!("")), "`source`"),
        ("/type", None, "`type`"),
        ("/type", Some(json!("")), "`type`"),
        ("/time", Some(json!("soon")), "`time`"),
        ("/time", Some(json!("")), "`time`"),
        ("/time", Some(json!(1_770_091_506)), "string"),
        ("/subject", Some(json!(["a"])), "string"),
        ("/data", None, "`data`"),
        ("/data", Some(json!(null)), "`data`"),
        ("/data", Some(json!("text")), "object"),
        ("/data", Some(json!(["p", null, "mug", 1, 1, "EUR"])), "object"),
    ] {
        let shown = format!("{pointer} = {value:?}");
        let error = decode(with(payment(), pointer, value));
        assert!(error.problem.contains(named), "{shown}: {error}");
    }
    for other in ["[]", "null", "1", "\"x\"", "[\"1.0\",\"e1\",\"s\",\"t\"]"] {
        let error = decode(other);
        assert!(error.problem.contains("object"), "{other}: {error}");
    }
}

#[test]
fn data_that_does_not_fit_its_type_is_named() {
    let refused = |event: fn() -> Value, cases: &[(&str, Option<Value>)]| {
        for (name, value) in cases {
            let pointer = format!("/data/{name}");
            let error = decode(with(event(), &pointer, value.clone()));
            let kind = event()["type"].as_str().unwrap().to_owned();
            let problem = &error.problem;
            assert!(problem.contains(&kind), "{name} = {value:?}: {problem}");
            // serde tells the place, not the name, of a value of the wrong JSON type.
            let named = problem.contains(&format!("`{name}`")) || problem.contains("invalid type");
            assert!(named, "{name} = {value:?}: {problem}");
        }
    };
    refused(
        payment,
        &[
            ("payment_id", None),
            ("payment_id", Some(json!("p-1"))),
            ("user_id", Some(json!("u-1"))),
            ("sku", Some(json!(""))),
            ("quantity", Some(json!(0))),
            ("quantity", Some(json!(1_000_001))),
            ("quantity", Some(json!("1"))),
            ("amount", Some(json!(0))),
            ("amount", Some(json!(1.5))),
            ("currency", Some(json!("eur"))),
            ("reason", None),
            ("reason", Some(json!("bad_mood"))),
        ],
    );
    refused(
        user,
        &[
            ("user_id", Some(json!("0192D3A4-0000-7000-8000-000000000001"))),
            ("username", None),
            ("username", Some(json!("<img>"))),
        ],
    );
    refused(
        line,
        &[
            ("id", Some(json!(""))),
            ("time", Some(json!("noon"))),
            ("level", Some(json!("info"))),
            ("message", None),
            ("fields", Some(json!([]))),
        ],
    );
}

#[test]
fn a_problem_stays_short_whatever_the_record_says() {
    let long = "x".repeat(900_000);
    for (event, pointer) in [
        (payment(), "/data/quantity"),
        (payment(), "/specversion"),
        (payment(), "/data"),
        (payment(), "/data/reason"),
        (user(), "/data/username"),
    ] {
        let error = decode(with(event, pointer, Some(json!(long))));
        assert!(error.problem.len() < 1_000, "{pointer}: {}", error.problem);
    }
}

#[test]
fn depth_without_end_is_no_stack_without_end() {
    let deep = "[".repeat(400_000);
    let ends = "]".repeat(400_000);
    for event in [
        format!("{deep}{ends}"),
        format!(r#"{{"specversion":"1.0","id":"1","source":"s","type":"t","x":{deep}{ends}"#),
        format!(r#"{{"traceparent":{deep}{ends}"#),
        format!(r#"{{"data":{deep}{ends}"#),
    ] {
        decode(event);
    }
}
