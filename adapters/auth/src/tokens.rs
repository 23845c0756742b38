//! Access tokens: JWT signed with HMAC-SHA-256.

use std::fmt;
use std::time::Duration;

use comptoir_domain::port::security::{AccessToken, Claims, InvalidToken, Tokens};
use comptoir_domain::time::Timestamp;
use comptoir_domain::user::{User, Username};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Who issues, and for whom: the shop's services among themselves.
const COMPTOIR: &str = "comptoir";
/// Ours have a few hundred bytes; anything longer is not worth decoding.
const MAX_BYTES: usize = 8 * 1024;
const LIFETIME: Duration = Duration::from_hours(1);

/// Issues and checks tokens under one secret. Every service with the same secret accepts them.
pub struct JwtTokens {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
    lifetime: Duration,
}

/// The registered claims of RFC 7519 §4.1, and the name (`OpenID` Connect Core 1.0, §5.1).
#[derive(Debug, Serialize)]
struct ClaimsOut<'a> {
    iss: &'static str,
    aud: &'static str,
    sub: String,
    name: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// What is read back of them; the rest is checked by the library.
#[derive(Deserialize)]
struct ClaimsIn {
    sub: String,
    name: String,
    nbf: i64,
    exp: i64,
}

impl JwtTokens {
    /// Tokens good for an hour.
    pub fn new(secret: &Secret) -> Self {
        Self::with_lifetime(secret, LIFETIME)
    }

    /// Tokens good for that long, in whole seconds and at least one: a token's times have no more
    /// digits.
    pub fn with_lifetime(secret: &Secret, lifetime: Duration) -> Self {
        Self {
            signing: EncodingKey::from_secret(secret.reveal()),
            checking: DecodingKey::from_secret(secret.reveal()),
            validation: validation(),
            lifetime: Duration::from_secs(lifetime.as_secs().max(1)),
        }
    }

    fn check(&self, token: &str, now: Timestamp) -> Option<Claims> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let read =
            jsonwebtoken::decode::<ClaimsIn>(token, &self.checking, &self.validation).ok()?;
        // An extension that its issuer calls critical, and nobody here understands
        // (RFC 7515 §4.1.11); the library leaves this to us.
        if read.header.crit.is_some() {
            return None;
        }
        let ClaimsIn { sub, name, nbf, exp } = read.claims;
        let begun = millis(nbf) <= now.as_millis();
        let over = millis(exp) <= now.as_millis();
        if !begun || over {
            return None;
        }
        Some(Claims { user: sub.parse().ok()?, username: Username::try_from(name).ok()? })
    }
}

/// What the library checks. Not the times: it would read the system's clock for them, and time is
/// the caller's here. `exp` and `nbf` are checked against `now` instead, to the millisecond and
/// without leeway: good from `nbf` on, no longer good at `exp` (RFC 7519 §4.1.4 and §4.1.5).
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.leeway = 0;
    validation.set_issuer(&[COMPTOIR]);
    validation.set_audience(&[COMPTOIR]);
    // Without this, a token that names no issuer or audience at all would pass.
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation
}

fn millis(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000)
}

impl Tokens for JwtTokens {
    /// The times are those of the second that has begun, so a token never outlives what is said of
    /// it.
    fn issue(&self, user: &User, now: Timestamp) -> AccessToken {
        let issued = now.as_millis().div_euclid(1_000);
        let expires = now.plus(self.lifetime).as_millis().div_euclid(1_000);
        let claims = ClaimsOut {
            iss: COMPTOIR,
            aud: COMPTOIR,
            sub: user.id.to_string(),
            name: user.username.as_str(),
            iat: issued,
            nbf: issued,
            exp: expires,
        };
        let header = Header::new(Algorithm::HS256);
        let secret = jsonwebtoken::encode(&header, &claims, &self.signing)
            .expect("HMAC takes a key of any length, and the claims are text and numbers");
        AccessToken { secret, expires_in: self.lifetime }
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, InvalidToken> {
        self.check(token, now).ok_or(InvalidToken)
    }
}

impl fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtTokens").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}
