//! SCRAM (RFC 5802, RFC 7677) without channel binding: both sides prove that they know the password,
//! neither shows it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::EagerHash;
use hmac::{Hmac, KeyInit as _, Mac as _};
use pbkdf2::pbkdf2_hmac;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// "No channel binding", and what the last message repeats of it in base64.
const GS2: &str = "n,,";
const GS2_BASE64: &str = "biws";
/// RFC 7677 asks for at least 4,096. More than the upper bound would let a false broker keep the client busy.
const ROUNDS: std::ops::RangeInclusive<u32> = 4_096..=65_536;
const NONCE_BYTES: usize = 24;

/// What is wrong with what the broker said.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum ScramError {
    #[error("the broker's challenge cannot be read")]
    Challenge,
    #[error("the broker's nonce does not continue the client's")]
    Nonce,
    #[error("the broker asks for {0} rounds of hashing")]
    Rounds(u32),
    #[error("the broker says: {0}")]
    Broker(String),
    #[error("the broker does not know the password itself")]
    Proof,
}

/// What is hashed with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

/// Printable chance.
pub(super) fn nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0; NONCE_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}

/// A login under way, after the client's first message.
#[derive(Debug)]
pub(super) struct Scram {
    hash: Hash,
    nonce: String,
    first: String,
}

/// What the broker must answer to the client's last message.
#[derive(Debug)]
pub(super) struct ServerProof(Vec<u8>);

impl Scram {
    /// Starts a login and returns the client's first message.
    pub(super) fn start(hash: Hash, username: &str, nonce: &str) -> (Self, String) {
        let name = username.replace('=', "=3D").replace(',', "=2C");
        let first = format!("n={name},r={nonce}");
        let message = format!("{GS2}{first}");
        (Self { hash, nonce: nonce.to_owned(), first }, message)
    }

    /// The client's last message, and what the broker must answer to it.
    pub(super) fn answer(
        &self,
        password: &str,
        challenge: &[u8],
    ) -> Result<(String, ServerProof), ScramError> {
        let text = std::str::from_utf8(challenge).map_err(|_| ScramError::Challenge)?;
        let asked = Challenge::parse(text)?;
        if !asked.nonce.starts_with(&self.nonce) || asked.nonce.len() == self.nonce.len() {
            return Err(ScramError::Nonce);
        }
        if !ROUNDS.contains(&asked.rounds) {
            return Err(ScramError::Rounds(asked.rounds));
        }
        let last = format!("c={GS2_BASE64},r={}", asked.nonce);
        let signed = format!("{},{text},{last}", self.first);
        let prove = match self.hash {
            Hash::Sha256 => prove::<Sha256>,
            Hash::Sha512 => prove::<Sha512>,
        };
        let (client, server) = prove(password, &asked, &signed);
        Ok((format!("{last},p={}", STANDARD.encode(client)), ServerProof(server)))
    }
}

impl ServerProof {
    /// Checks the broker's last message.
    pub(super) fn check(&self, outcome: &[u8]) -> Result<(), ScramError> {
        let text = std::str::from_utf8(outcome).map_err(|_| ScramError::Proof)?;
        if let Some(error) = text.strip_prefix("e=") {
            return Err(ScramError::Broker(error.to_owned()));
        }
        let proof = text.strip_prefix("v=").and_then(|rest| rest.split(',').next());
        let proof = proof.and_then(|proof| STANDARD.decode(proof).ok()).unwrap_or_default();
        if bool::from(proof.ct_eq(&self.0)) { Ok(()) } else { Err(ScramError::Proof) }
    }
}

struct Challenge<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    rounds: u32,
}

impl<'a> Challenge<'a> {
    /// `r=nonce,s=salt,i=rounds`; what stands before it would be an extension that must be understood.
    fn parse(text: &'a str) -> Result<Self, ScramError> {
        let mut parts = text.split(',');
        let mut part = |name| parts.next().and_then(|part| part.strip_prefix(name));
        let (nonce, salt, rounds) = (part("r="), part("s="), part("i="));
        let salt = salt.and_then(|salt| STANDARD.decode(salt).ok());
        let rounds = rounds.and_then(|rounds| rounds.parse().ok());
        match (nonce, salt, rounds) {
            (Some(nonce), Some(salt), Some(rounds)) => Ok(Self { nonce, salt, rounds }),
            _ => Err(ScramError::Challenge),
        }
    }
}

/// The client's proof and the server's signature.
fn prove<D: EagerHash + Digest>(
    password: &str,
    asked: &Challenge<'_>,
    signed: &str,
) -> (Vec<u8>, Vec<u8>) {
    let mut salted = vec![0; <D as Digest>::output_size()];
    pbkdf2_hmac::<D>(password.as_bytes(), &asked.salt, asked.rounds, &mut salted);
    let client_key = sign::<D>(&salted, b"Client Key");
    let stored_key = D::digest(&client_key);
    let signature = sign::<D>(&stored_key, signed.as_bytes());
    let proof = client_key.iter().zip(&signature).map(|(key, signature)| key ^ signature).collect();
    let server_key = sign::<D>(&salted, b"Server Key");
    (proof, sign::<D>(&server_key, signed.as_bytes()))
}

fn sign<D: EagerHash>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<D>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const CHALLENGE: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn started() -> Scram {
        Scram::start(Hash::Sha256, "user", NONCE).0
    }

    #[test]
    fn it_speaks_as_in_rfc_7677() {
        let (scram, first) = Scram::start(Hash::Sha256, "user", NONCE);
        assert_eq!(first, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let (last, proof) = scram.answer("pencil", CHALLENGE.as_bytes()).unwrap();
        assert_eq!(
            last,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(proof.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), Ok(()));
        assert_eq!(
            proof.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="),
            Err(ScramError::Proof)
        );
        assert_eq!(
            proof.check(b"e=invalid-proof"),
            Err(ScramError::Broker("invalid-proof".to_owned()))
        );
        assert_eq!(proof.check(b""), Err(ScramError::Proof));
    }

    #[test]
    fn both_hashes_prove_differently() {
        let (scram, _) = Scram::start(Hash::Sha512, "user", NONCE);
        let (long, _) = scram.answer("pencil", CHALLENGE.as_bytes()).unwrap();
        let proof = long.rsplit_once("p=").unwrap().1;
        assert_eq!(STANDARD.decode(proof).unwrap().len(), 64);
    }

    #[test]
    fn a_name_cannot_add_a_field() {
        let (_, first) = Scram::start(Hash::Sha256, "a=b,r=c", NONCE);
        assert_eq!(first, format!("n,,n=a=3Db=2Cr=3Dc,r={NONCE}"));
    }

    #[test]
    fn a_challenge_of_someone_else_is_refused() {
        let refused =
            |challenge: &str| started().answer("pencil", challenge.as_bytes()).unwrap_err();
        assert_eq!(refused("r=other,s=W22Z,i=4096"), ScramError::Nonce);
        assert_eq!(refused(&format!("r={NONCE},s=W22Z,i=4096")), ScramError::Nonce);
        assert_eq!(refused(&format!("r={NONCE}x,s=W22Z,i=1")), ScramError::Rounds(1));
        assert_eq!(refused(&format!("r={NONCE}x,s=W22Z,i=9999999")), ScramError::Rounds(9_999_999));
        assert_eq!(refused(&format!("m=x,r={NONCE}x,s=W22Z,i=4096")), ScramError::Challenge);
        assert_eq!(refused(&format!("r={NONCE}x,s=*,i=4096")), ScramError::Challenge);
        assert_eq!(refused(""), ScramError::Challenge);
    }

    proptest! {
        #[test]
        fn any_message_of_the_broker_is_read_or_refused(
            said in prop_oneof![
                "(r=[a-z,]{0,9})?(,?s=[A-Za-z0-9+/=]{0,12})?(,?i=[0-9]{0,12})?\\PC{0,6}",
                prop::collection::vec(any::<u8>(), 0..40)
                    .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            ],
            proof in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            if let Ok(challenge) = Challenge::parse(&said) {
                prop_assert!(challenge.salt.len() <= said.len());
            }
            let server = ServerProof(vec![7; 32]);
            prop_assert!(server.check(said.as_bytes()).is_err());
            prop_assert!(server.check(&[b"v=".as_slice(), &proof].concat()).is_err());
        }
    }
}
