//! Answers as a broken or a false broker may send them: one of each that is asked for here, with a few
//! bytes changed, cut off or put in.

pub(crate) mod samples;

use std::fmt;
use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::{Encodable, Request};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::frame;

/// One change to an answer's bytes.
#[derive(Debug, Clone)]
pub(crate) enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    /// Where a length or a count may stand.
    Number(Index, i32),
}

impl Damage {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let numbers = [-2, -1, 0, 1, 127, 128, 1 << 16, 1 << 24, i32::MAX, i32::MIN];
        prop_oneof![
            (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Self::Flip(at, byte)),
            any::<Index>().prop_map(Self::Cut),
            (any::<Index>(), vec(any::<u8>(), 1..9)).prop_map(|(at, new)| Self::Insert(at, new)),
            (any::<Index>(), select(numbers.to_vec())).prop_map(|(at, n)| Self::Number(at, n)),
        ]
    }

    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Self::Flip(at, byte) => bytes[at.index(length)] ^= byte,
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Insert(at, new) => {
                let at = at.index(length);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Number(at, number) => {
                let at = at.index(length);
                let number = &number.to_be_bytes()[..(length - at).min(4)];
                bytes[at..at + number.len()].copy_from_slice(number);
            }
        }
    }
}

/// An answer in one of its versions.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) version: i16,
    pub(crate) bytes: Bytes,
    pub(crate) decode: fn(Bytes, i16) -> bool,
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} {:?}", self.version, self.bytes)
    }
}

fn decodes<R: Request>(bytes: Bytes, version: i16) -> bool {
    frame::decode_body::<R>(bytes, version).is_ok()
}

/// The answer in every version that can say what it says.
pub(crate) fn versions<R>(answer: &R::Response) -> Vec<Sample>
where
    R: Request<Response: Encodable + fmt::Debug>,
{
    let written = |version| {
        let mut bytes = BytesMut::new();
        answer.encode(&mut bytes, version).ok()?;
        Some(Sample { version, bytes: bytes.freeze(), decode: decodes::<R> })
    };
    let all: RangeInclusive<i16> = R::VERSIONS.min..=R::VERSIONS.max;
    let samples: Vec<_> = all.filter_map(written).collect();
    assert!(!samples.is_empty(), "no version says all of it: {answer:?}");
    samples
}

/// What is left of an answer, as far as it can still be decoded.
pub(crate) fn damaged<R>(
    answer: &R::Response,
) -> impl Strategy<Value = Option<(i16, R::Response)>> + use<R>
where
    R: Request<Response: Encodable + fmt::Debug>,
{
    (select(versions::<R>(answer)), vec(Damage::any(), 0..4)).prop_map(|(sample, damage)| {
        let mut bytes = sample.bytes.to_vec();
        for damage in damage {
            damage.apply(&mut bytes);
        }
        let answer = frame::decode_body::<R>(bytes.into(), sample.version).ok()?;
        Some((sample.version, answer))
    })
}
