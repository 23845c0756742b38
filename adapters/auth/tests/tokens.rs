//! A token is taken if it is exactly ours, and now.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use comptoir_auth::{JwtTokens, Secret};
use comptoir_domain::id::UserId;
use comptoir_domain::port::security::{InvalidToken, Tokens};
use comptoir_domain::time::Timestamp;
use comptoir_domain::user::{PasswordHash, User, Username};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use uuid::Uuid;

const SECRET: &str = "a secret of thirty-two bytes or more";
/// Not on a whole second, as times are.
const NOW: Timestamp = Timestamp::from_millis(1_770_091_506_250);
const SECOND: i64 = 1_770_091_506;

fn secret() -> Secret {
    Secret::try_from(SECRET.to_owned()).unwrap()
}

fn tokens() -> JwtTokens {
    JwtTokens::new(&secret())
}

fn user() -> User {
    User {
        id: UserId::new(Uuid::from_u128(0x0192_d3a4_0000_7000_8000_0000_0000_0001)),
        username: Username::try_from("żółw".to_owned()).unwrap(),
        password: PasswordHash::new("x".to_owned()),
        registered_at: NOW,
    }
}

fn claims() -> Value {
    json!({
        "iss": "comptoir", "aud": "comptoir", "sub": user().id.to_string(), "name": "alice",
        "iat": SECOND, "nbf": SECOND, "exp": SECOND + 3_600,
    })
}

fn signed_with(header: &Header, claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(header, claims, &key).unwrap()
}

fn signed(claims: &Value) -> String {
    signed_with(&Header::new(Algorithm::HS256), claims, SECRET)
}

fn refused(what: &str, token: &str) {
    assert_eq!(tokens().verify(token, NOW), Err(InvalidToken), "{what}");
}

fn part(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

#[test]
fn a_token_speaks_for_its_user() {
    let issued = tokens().issue(&user(), NOW);
    assert_eq!(issued.expires_in, Duration::from_hours(1));
    let claims = tokens().verify(&issued.secret, NOW).unwrap();
    assert_eq!(claims.user, user().id);
    assert_eq!(claims.username, user().username);
}

#[test]
fn the_claims_are_the_documented_ones() {
    let token = tokens().issue(&user(), NOW).secret;
    let mut parts = token.split('.').map(|part| {
        let json = URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice::<Value>(&json)
    });
    let header = parts.next().unwrap().unwrap();
    assert_eq!(header, json!({ "typ": "JWT", "alg": "HS256" }));
    let mut expected = claims();
    expected["name"] = json!("żółw");
    assert_eq!(parts.next().unwrap().unwrap(), expected);
}

#[test]
fn a_token_has_its_time() {
    let tokens = JwtTokens::with_lifetime(&secret(), Duration::from_mins(1));
    let issued = tokens.issue(&user(), NOW);
    let at = |millis| tokens.verify(&issued.secret, Timestamp::from_millis(millis));
    let (from, until) = (SECOND * 1_000, (SECOND + 60) * 1_000);
    for (millis, good) in [
        (from - 1, false),
        (from, true),
        (NOW.as_millis(), true),
        (until - 1, true),
        (until, false),
        (NOW.plus(issued.expires_in).as_millis(), false),
        (i64::MIN, false),
        (i64::MAX, false),
    ] {
        assert_eq!(at(millis).is_ok(), good, "{millis}");
    }
}

#[test]
fn a_lifetime_has_whole_seconds() {
    for (asked, given) in [(0, 1), (999, 1), (1_000, 1), (2_999, 2)] {
        let tokens = JwtTokens::with_lifetime(&secret(), Duration::from_millis(asked));
        let issued = tokens.issue(&user(), NOW);
        assert_eq!(issued.expires_in, Duration::from_secs(given), "{asked}");
        assert!(tokens.verify(&issued.secret, NOW).is_ok(), "{asked}");
    }
}

#[test]
fn hand_made_claims_are_taken_as_long_as_they_fit() {
    assert!(tokens().verify(&signed(&claims()), NOW).is_ok());
    let mut more = claims();
    more["role"] = json!({ "any": ["thing"] });
    assert!(tokens().verify(&signed(&more), NOW).is_ok());
}

#[test]
fn claims_that_are_missing_or_wrong_are_refused() {
    for name in ["iss", "aud", "sub", "name", "nbf", "exp"] {
        let mut without = claims();
        without.as_object_mut().unwrap().remove(name);
        refused(name, &signed(&without));
    }
    for (name, value) in [
        ("iss", json!("other")),
        ("iss", json!(null)),
        ("iss", json!(["other"])),
        ("iss", json!({ "comptoir": true })),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("aud", json!(["other"])),
        ("sub", json!("")),
        ("sub", json!("alice")),
        ("sub", json!(1)),
        ("name", json!("")),
        ("name", json!("<img>")),
        ("nbf", json!(SECOND + 1)),
        ("nbf", json!("now")),
        ("exp", json!(SECOND)),
        ("exp", json!(SECOND - 1)),
        ("exp", json!(-1)),
        ("exp", json!("never")),
        ("exp", json!(1e300)),
        ("exp", json!(null)),
    ] {
        let mut wrong = claims();
        wrong[name] = value.clone();
        refused(&format!("{name} = {value}"), &signed(&wrong));
    }
}

#[test]
fn other_algorithms_are_refused() {
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let token = signed_with(&Header::new(algorithm), &claims(), SECRET);
        refused(&format!("{algorithm:?}"), &token);
    }
    let good = signed(&claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = message.split_once('.').unwrap();
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":""}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"ES256"}"#,
        r#"{"typ":"JWT"}"#,
        "{}",
        "null",
    ] {
        let header_part = part(header);
        refused(header, &format!("{header_part}.{payload}.{signature}"));
        refused(header, &format!("{header_part}.{payload}."));
    }
}

#[test]
fn a_critical_extension_nobody_understands_is_refused() {
    let header = Header { crit: Some(vec!["b64".to_owned()]), ..Header::new(Algorithm::HS256) };
    refused("crit", &signed_with(&header, &claims(), SECRET));
}

#[test]
fn a_changed_token_is_refused() {
    let good = signed(&claims());
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("three parts");
    };
    let mut other = claims();
    other["name"] = json!("mallory");
    let forged = part(&other.to_string());
    refused("payload", &format!("{header}.{forged}.{signature}"));
    let foreign = signed_with(&Header::new(Algorithm::HS256), &claims(), &"x".repeat(32));
    refused("secret", &foreign);

    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        refused(&format!("byte {at}"), &String::from_utf8(bytes).unwrap());
        refused(&format!("cut at {at}"), &good[..at]);
    }
    refused("no signature", &format!("{header}.{payload}."));
    refused("two parts", &format!("{header}.{payload}"));
    refused("padding", &format!("{good}="));
    refused("a fourth part", &format!("{good}.{signature}"));
    refused("white space", &format!(" {good}"));
}

#[test]
fn what_is_no_token_is_refused() {
    for text in ["", ".", "..", "...", "Bearer x", "żółw", "\0"] {
        refused(text, text);
    }
    let mut huge = claims();
    huge["padding"] = json!("x".repeat(8 * 1024));
    refused("more than 8 KiB, and signed", &signed(&huge));
    refused("a megabyte", &"a".repeat(1_000_000));
}

#[test]
fn a_secret_does_not_show() {
    assert!(!format!("{:?}", tokens()).contains("thirty"));
    assert!(!format!("{:?}", tokens().issue(&user(), NOW)).contains("eyJ"));
}
