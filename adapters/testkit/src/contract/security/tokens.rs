//! Access tokens.

use std::time::Duration;

use comptoir_domain::port::security::{Claims, InvalidToken, Tokens};

use super::SecurityHarness;
use crate::builders::{THEN, a_user};

/// A token speaks for the user it was issued to.
pub fn a_token_speaks_for_its_user<H: SecurityHarness>() {
    let h = H::default();
    let user = a_user().named("Żółw+1@x").build();
    let token = h.tokens().issue(&user, THEN);
    assert!(token.expires_in > Duration::ZERO);
    let claims = h.tokens().verify(&token.secret, THEN);
    assert_eq!(claims, Ok(Claims { user: user.id, username: user.username }));
}

/// A token is good for as long as it says, and not a second longer.
pub fn a_token_expires<H: SecurityHarness>() {
    let h = H::default();
    let tokens = h.tokens();
    let token = tokens.issue(&a_user().build(), THEN);
    let end = THEN.plus(token.expires_in);
    let second = Duration::from_secs(1);
    assert!(tokens.verify(&token.secret, end.minus(second)).is_ok());
    for late in [end.plus(second), end.plus(Duration::from_mins(1)), end.plus(token.expires_in)] {
        assert_eq!(tokens.verify(&token.secret, late), Err(InvalidToken), "at {late:?}");
    }
}

/// A token with any byte changed, added or taken away is no token.
pub fn a_changed_token_is_refused<H: SecurityHarness>() {
    let h = H::default();
    let tokens = h.tokens();
    let token = tokens.issue(&a_user().build(), THEN).secret;
    let changed = |at: usize| {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    // The last character of a Base64 text may carry unused bits, so a change there may be none.
    for at in 0..token.len() - 1 {
        let verified = tokens.verify(&changed(at), THEN);
        assert_eq!(verified, Err(InvalidToken), "byte {at} changed");
    }
    let cut = token[..token.len() - 1].to_owned();
    for wrong in [cut, format!("{token}A"), format!(" {token}"), format!("{token}.{token}")] {
        assert_eq!(tokens.verify(&wrong, THEN), Err(InvalidToken), "{wrong}");
    }
}

/// Another key's token is nobody's.
pub fn a_token_of_others_is_refused<H: SecurityHarness>() {
    let h = H::default();
    let token = h.tokens_of_others().issue(&a_user().build(), THEN);
    assert!(h.tokens_of_others().verify(&token.secret, THEN).is_ok());
    assert_eq!(h.tokens().verify(&token.secret, THEN), Err(InvalidToken));
}

/// What is no token at all is refused, and never panics.
pub fn what_is_no_token_is_refused<H: SecurityHarness>() {
    let h = H::default();
    let long = "x".repeat(1 << 16);
    for wrong in ["", ".", "..", "a.b.c", "Bearer x", "ü.ü.ü", "\0", &long] {
        assert_eq!(h.tokens().verify(wrong, THEN), Err(InvalidToken), "{wrong}");
    }
}

/// A token without a signature is refused, whatever it claims: here the header says `none`.
pub fn an_unsigned_token_is_refused<H: SecurityHarness>() {
    let h = H::default();
    let token = h.tokens().issue(&a_user().build(), THEN).secret;
    let Some((_, rest)) = token.split_once('.') else {
        return;
    };
    let Some((claims, _)) = rest.split_once('.') else {
        return;
    };
    // {"alg":"none"} and {"alg":"none","typ":"JWT"}
    for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"] {
        for unsigned in [format!("{header}.{claims}."), format!("{header}.{claims}")] {
            let verified = h.tokens().verify(&unsigned, THEN);
            assert_eq!(verified, Err(InvalidToken), "{unsigned}");
        }
    }
}

/// Neither what issues tokens nor a token shows its secret to `Debug`.
pub fn secrets_do_not_show<H: SecurityHarness>() {
    let h = H::default();
    let tokens = h.tokens();
    let token = tokens.issue(&a_user().build(), THEN);
    let shown = format!("{tokens:?} {token:?}");
    assert!(!shown.contains(&token.secret));
    assert_eq!(format!("{tokens:?}"), format!("{:?}", h.tokens_of_others()), "the key shows");
}
