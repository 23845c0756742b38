//! What every hasher and every issuer of tokens is held to.

use comptoir_auth::{HasherSettings, JwtTokens, Pbkdf2Hasher, Rounds, Secret};
use comptoir_testkit::contract::security::SecurityHarness;

#[derive(Default)]
struct Auth;

fn tokens(key: &str) -> JwtTokens {
    let secret = Secret::try_from(key.repeat(32));
    JwtTokens::new(&secret.expect("32 bytes are enough"))
}

impl SecurityHarness for Auth {
    type Hasher = Pbkdf2Hasher;
    type Tokens = JwtTokens;

    /// Rounds enough for the hash to outweigh the queue where time is compared.
    fn hasher(&self) -> Pbkdf2Hasher {
        let rounds = Rounds::try_from(10_000).expect("they are in bounds");
        let settings = HasherSettings { rounds, ..HasherSettings::default() };
        Pbkdf2Hasher::start(settings).expect("there are threads")
    }

    fn tokens(&self) -> JwtTokens {
        tokens("a")
    }

    fn tokens_of_others(&self) -> JwtTokens {
        tokens("b")
    }
}

comptoir_testkit::security_contract!(Auth);
