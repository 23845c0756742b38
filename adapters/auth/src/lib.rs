//! Password hashing (PBKDF2) and access tokens (JWT).
//!
//! Sources: PBKDF2 is RFC 8018 §5.2, over HMAC-SHA-256 (RFC 6234), with as many rounds as OWASP's
//! Password Storage Cheat Sheet asks for; stored hashes follow the PHC string format
//! (<https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md>). Tokens are RFC 7519,
//! signed as RFC 7515 and RFC 7518 §3.2 say, and checked as RFC 8725 asks.
#![warn(missing_docs, missing_debug_implementations)]

mod hasher;
mod phc;
mod pool;
mod secret;
mod tokens;

pub use hasher::{HasherSettings, Pbkdf2Hasher};
pub use phc::{InvalidRounds, Rounds};
pub use secret::{InvalidSecret, Secret};
pub use tokens::JwtTokens;
