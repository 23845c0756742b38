//! Whatever a request says: a value or a problem, for memory in proportion.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use bytes::Bytes;
use comptoir_http::body::{BodyLimits, read_fields};
use comptoir_http::request::bearer;
use comptoir_http::{Bearer, Fields, HeaderMap, HeaderValue, Problem, PublicHosts, header};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// What reading takes for each byte, and beside: a small JSON value takes 32 bytes of two.
const TIMES: u64 = 64;
const BESIDE: u64 = 16 << 10;

/// Asks for everything in every way; a 422 has to name what was found wrong.
fn ask(fields: Result<Fields, Problem>) -> Result<(), TestCaseError> {
    let mut fields = match fields {
        Ok(fields) => fields,
        Err(problem) => {
            prop_assert_eq!(problem.status().as_u16(), 400);
            return Ok(());
        }
    };
    for name in ["a", "sku", ""] {
        let text = fields.required_text(name);
        let number = fields.required_integer_in(name, -5..=5);
        prop_assert!(text.is_none() || fields.get(name).is_some());
        prop_assert!(number.is_none_or(|number| (-5..=5).contains(&number)));
    }
    if let Err(problem) = fields.check() {
        prop_assert_eq!(problem.status().as_u16(), 422);
        prop_assert!(!problem.errors().is_empty());
    }
    Ok(())
}

fn measured(
    bytes: &[u8],
    read: impl FnOnce() -> Result<Fields, Problem>,
) -> Result<Result<Fields, Problem>, TestCaseError> {
    let mut fields = None;
    let taken = allocation_counter::measure(|| fields = Some(read()));
    let most = TIMES * bytes.len() as u64 + BESIDE;
    prop_assert!(taken.bytes_max <= most, "{} bytes for {}", taken.bytes_max, bytes.len());
    Ok(fields.unwrap())
}

fn any_form() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        select(vec!["a", "sku", "=", "&", "+", "%", "%41", "%ff", "%0", "{", "7", "-5", "\u{e9}"])
            .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..4),
    ];
    vec(part, 0..24).prop_map(|parts| parts.concat())
}

/// Pieces of JSON in any order, mostly an object's.
fn any_json() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "{",
        "}",
        "[",
        "]",
        "\"a\"",
        "\"sku\"",
        ":",
        ",",
        "null",
        "true",
        "1e999",
        "-0",
        "7",
        "99999999999999999999",
        "1.5",
        "\"\\ud800\"",
        "\"\\u0000\"",
        " ",
    ];
    let member = (select(vec!["a", "sku", "x"]), select(pieces.clone()));
    let member = member.prop_map(|(name, value)| format!("\"{name}\":{value}"));
    prop_oneof![
        vec(select(pieces), 0..24).prop_map(|pieces| pieces.concat().into_bytes()),
        vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")).into_bytes()),
        (0..6_000_usize).prop_map(|depth| format!("{{\"a\":{}", "[".repeat(depth)).into_bytes()),
        (0..6_000_usize)
            .prop_map(|many| format!("{{\"a\":[{}0]}}", "[],".repeat(many)).into_bytes()),
        vec(any::<u8>(), 0..40),
    ]
}

fn header_value() -> impl Strategy<Value = HeaderValue> {
    let known = select(vec![
        "application/json",
        "APPLICATION/JSON; charset=utf-8",
        "application/x-www-form-urlencoded",
        ";",
        "",
        "Bearer a.b.c",
        "Bearer ",
        "18446744073709551616",
        "12",
    ]);
    prop_oneof![
        known.prop_map(HeaderValue::from_static),
        vec(any::<u8>(), 0..30)
            .prop_filter_map("a header", |bytes| HeaderValue::from_bytes(&bytes).ok()),
    ]
}

proptest! {
    #[test]
    fn any_form_is_fields_or_a_400(raw in any_form()) {
        ask(measured(&raw, || Fields::from_form(&raw))?)?;
        let query = String::from_utf8_lossy(&raw);
        ask(measured(&raw, || Fields::from_query(&query))?)?;
    }

    #[test]
    fn any_json_is_fields_or_a_400(raw in any_json()) {
        ask(measured(&raw, || Fields::from_json(&raw))?)?;
    }

    #[test]
    fn a_form_gives_back_what_was_escaped(pairs in vec(("\\PC{1,8}", "\\PC{0,8}"), 0..5)) {
        let escape = |text: &str| {
            let bytes = text.bytes().map(|byte| format!("%{byte:02x}"));
            bytes.collect::<Vec<_>>().concat()
        };
        let form: Vec<_> =
            pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        let mut fields = Fields::from_form(form.join("&").as_bytes()).unwrap();
        for (name, value) in &pairs {
            let is_once = pairs.iter().filter(|(other, _)| other == name).count() == 1;
            prop_assert_eq!(fields.text(name), is_once.then(|| value.clone()));
        }
    }

    #[test]
    fn any_body_with_any_headers_is_fields_or_a_problem(
        kind in header_value(),
        length in prop::option::of(header_value()),
        chunks in vec(vec(any::<u8>(), 0..9_000), 0..4),
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind);
        length.map(|length| headers.insert(header::CONTENT_LENGTH, length));
        let size: usize = chunks.iter().map(Vec::len).sum();
        let chunks = chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk)));
        let body = Box::pin(futures::stream::iter(chunks));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let limits = BodyLimits::default();
        match runtime.block_on(read_fields(&headers, body, limits)) {
            Ok(_) => prop_assert!(size <= limits.bytes),
            Err(problem) => {
                let status = problem.status().as_u16();
                prop_assert!([400, 413, 415].contains(&status), "{}", status);
                prop_assert!(size <= limits.bytes || status == 413, "{} bytes: {}", size, status);
            }
        }
    }

    #[test]
    fn only_our_own_hosts_pass_whatever_stands_around_them(
        before in "[a-z.:/@\\[\\] \\PC]{0,4}",
        own in select(vec!["localhost", "127.0.0.1", "[::1]", "LOCALHOST", ""]),
        after in "[:0-9a-z./@#\\PC]{0,6}",
        scheme in select(vec!["http://", "https://", "HTTP://", "file://", "", "://"]),
    ) {
        let hosts = PublicHosts::default();
        let host = format!("{before}{own}{after}");
        let is_port = after.is_empty()
            || after.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
        let is_own = before.is_empty() && !own.is_empty() && is_port;
        // What stands before may be the beginning of another of our names.
        if is_own || !hosts.names().any(|name| host.to_ascii_lowercase().starts_with(name)) {
            prop_assert_eq!(hosts.allows_host(&host), is_own, "{}", host);
            let is_http = scheme.to_ascii_lowercase().starts_with("http");
            let origin = format!("{scheme}{host}");
            prop_assert!(!hosts.allows_origin(Some(&origin)) || (is_own && is_http), "{}", origin);
        }
        let _ = host.parse::<PublicHosts>();
    }

    #[test]
    fn a_token_is_one_word_or_none(values in vec(header_value(), 0..3)) {
        let mut headers = HeaderMap::new();
        for value in &values {
            headers.append(header::AUTHORIZATION, value.clone());
        }
        let _ = PublicHosts::default().check(&headers);
        match bearer(&headers) {
            Bearer::Absent => prop_assert!(values.is_empty()),
            Bearer::Malformed => prop_assert!(!values.is_empty()),
            Bearer::Token(token) => {
                prop_assert_eq!(values.len(), 1);
                let is_word = token.bytes().all(|byte| byte.is_ascii_graphic());
                prop_assert!(is_word && !token.is_empty());
            }
        }
    }
}
