//! Tokens that are not ours, on every route that looks at one.

use comptoir_domain::port::world::Clock as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::shop::{SECRET, Shop};

/// A shop with a user, and what she paid for.
struct Case {
    shop: Shop,
    user: String,
    payment: String,
}

impl Case {
    async fn open() -> Self {
        let shop = Shop::open().await;
        let user = shop.register("alice").await;
        let token = shop.log_in("alice").await;
        let paid = shop.payments.send(Call::post("/pay").bearer(&token)).await.ok(202);
        let payment = paid["id"].as_str().unwrap().to_owned();
        Self { shop, user, payment }
    }

    fn claims(&self) -> Value {
        let now = self.shop.clock.now().as_millis() / 1_000;
        json!({
            "iss": "comptoir", "aud": "comptoir", "sub": self.user, "name": "alice",
            "iat": now, "nbf": now, "exp": now + 3_600,
        })
    }

    fn with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims[name] = value;
        signed(Algorithm::HS256, &claims)
    }

    fn without(&self, name: &str) -> String {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().remove(name);
        signed(Algorithm::HS256, &claims)
    }

    /// What each route says to a request with these headers.
    async fn answers(&self, headers: &[(&str, &str)]) -> Vec<(String, Answer)> {
        let (payment, refund) =
            (format!("/payments/{}", self.payment), format!("/payments/{}/refund", self.payment));
        let mut answers = Vec::new();
        for (service, call) in [
            (self.shop.users, Call::get("/me")),
            (self.shop.payments, Call::post("/pay")),
            (self.shop.payments, Call::get(&*payment)),
            (self.shop.payments, Call::post(&*refund)),
        ] {
            let what = format!("{call:?}");
            let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
            answers.push((what, service.send(call).await));
        }
        answers
    }

    async fn is_refused(&self, what: &str, headers: &[(&str, &str)]) {
        for (call, answer) in self.answers(headers).await {
            assert_eq!(answer.problem(401), "invalid-token", "{what}: {call}");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.starts_with("Bearer "), "{what}: {challenge}");
            let told = headers.iter().any(|(_, value)| {
                let token = value.rsplit(' ').next().unwrap_or_default();
                token.len() > 3 && answer.text().contains(token)
            });
            assert!(!told, "{what}: the answer repeats the token");
        }
    }
}

fn signed(algorithm: Algorithm, claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

/// Signed with our key as HS256, whatever the header says.
fn headed(header: &str, claims: &Value) -> String {
    let part = |text: &str| base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, text);
    let message = format!("{}.{}", part(header), part(&claims.to_string()));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

#[tokio::test]
async fn a_hand_made_token_that_is_right_is_taken() {
    let case = Case::open().await;
    let good = headed(r#"{"alg":"HS256"}"#, &case.claims());
    let bearer = format!("Bearer {good}");
    for (call, answer) in case.answers(&[("Authorization", &bearer)]).await {
        assert!(answer.status == 200 || answer.status == 202 || answer.status == 409, "{call}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_ours_is_401_on_every_route() {
    let case = Case::open().await;
    let good = signed(Algorithm::HS256, &case.claims());
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let none = headed(r#"{"alg":"none"}"#, &case.claims());
    let now = case.shop.clock.now().as_millis() / 1_000;
    let mut bad = vec![
        ("none, signed", none.clone()),
        ("none, not signed", format!("{}.", none.rsplit_once('.').unwrap().0)),
        ("none in capitals", headed(r#"{"alg":"NONE"}"#, &case.claims())),
        ("HS384", signed(Algorithm::HS384, &case.claims())),
        ("HS512", signed(Algorithm::HS512, &case.claims())),
        ("RS256", headed(r#"{"alg":"RS256"}"#, &case.claims())),
        ("ES256", headed(r#"{"alg":"ES256"}"#, &case.claims())),
        ("no algorithm", headed(r#"{"typ":"JWT"}"#, &case.claims())),
        (
            "a key of its own",
            headed(r#"{"alg":"HS256","jwk":{"k":"eA"},"crit":["jwk"]}"#, &case.claims()),
        ),
        ("another issuer", case.with("iss", json!("other"))),
        ("another audience", case.with("aud", json!(["other"]))),
        ("expired", case.with("exp", json!(now))),
        ("not yet valid", case.with("nbf", json!(now + 1))),
        ("no user", case.with("sub", json!("' OR 1=1"))),
        ("another payload", format!("{header}.{}.{signature}", payload.replace('e', "f"))),
        ("another signature", format!("{header}.{payload}.{}", "A".repeat(signature.len()))),
        ("no signature", format!("{header}.{payload}.")),
        ("two parts", format!("{header}.{payload}")),
        ("a line", good.replace('.', " ")),
        ("empty", String::new()),
        ("enormous", "x".repeat(10_000)),
    ];
    for name in ["exp", "iss", "aud", "sub", "nbf"] {
        bad.push((name, case.without(name)));
    }
    for (what, token) in bad {
        case.is_refused(what, &[("Authorization", &format!("Bearer {token}"))]).await;
    }
}

#[tokio::test]
async fn a_header_that_is_no_token_is_401_on_every_route() {
    let case = Case::open().await;
    let good = format!("Bearer {}", signed(Algorithm::HS256, &case.claims()));
    let token = &good["Bearer ".len()..];
    case.is_refused("another scheme", &[("Authorization", "Basic YWxpY2U6c2VjcmV0")]).await;
    case.is_refused("no scheme", &[("Authorization", token)]).await;
    case.is_refused("no text", &[("Authorization", "Bearer żółw")]).await;
    case.is_refused("two tokens", &[("Authorization", &format!("{good}, {good}"))]).await;
    let twice = [("Authorization", &*good), ("Authorization", &*good)];
    case.is_refused("two headers", &twice).await;
    // In the path or the query, a token is none.
    let answer = case.shop.users.get(format!("/me?access_token={token}")).await;
    assert_eq!(answer.problem(401), "unauthorized");
}

#[tokio::test]
async fn a_payment_of_somebody_else_is_not_there() {
    let case = Case::open().await;
    case.shop.register("mallory").await;
    let token = case.shop.log_in("mallory").await;
    let unknown = "0192d3a4-0000-7000-8000-00000000dead";
    let ask = async |method, id: &str, rest: &str, token: Option<&str>| {
        let call = Call::of(method, format!("/payments/{id}{rest}"));
        let call = token.into_iter().fold(call, Call::bearer);
        let answer = case.shop.payments.send(call).await;
        assert_eq!(answer.status, 404, "{method} {rest} {token:?}: {}", answer.text());
        let headers = answer.headers.iter().filter(|(name, _)| name != "date");
        (headers.cloned().collect::<Vec<_>>(), answer.text().to_owned())
    };
    for viewer in [Some(&*token), None] {
        for (method, rest) in [("GET", ""), ("GET", "?wait=1"), ("POST", "/refund")] {
            let theirs = ask(method, &case.payment, rest, viewer).await;
            let nobodys = ask(method, unknown, rest, viewer).await;
            assert_eq!(theirs, nobodys, "{method} {rest}");
        }
    }
}
