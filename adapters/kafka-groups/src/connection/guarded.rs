//! Bytes of an answer, read so that what they say of their own lengths is not believed blindly.
//!
//! The codecs reserve room for as many elements as an array says it has before they read the first
//! one. In flexible versions ([KIP-482]) every length is an unsigned varint, read byte by byte; one
//! that is larger than what is left cannot be right, since an element takes a byte at least.
//!
//! Counts of older versions are 32-bit numbers among others and are not told from them: there a broker
//! is believed. What other clients wrote is not read by the codecs at all, see `membership::wire`.
//!
//! [KIP-482]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-482%3A+The+Kafka+Protocol+should+Support+Optional+Tagged+Fields

use std::ops::Range;

use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::protocol::buf::ByteBuf;

/// Room for as many elements is harmless, and no tag that a vendor may have chosen is larger.
const HARMLESS: u64 = 1 << 16;

/// An answer's bytes.
#[derive(Debug)]
pub(super) struct Guarded {
    bytes: Bytes,
    /// The varint under way: its value so far, and how many bits that is.
    value: u64,
    bits: u32,
}

impl Guarded {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, value: 0, bits: 0 }
    }

    /// Takes note of one byte; the varint's value with its last one, which is the fifth at the latest.
    fn note(&mut self, byte: u8) -> Option<u64> {
        self.value |= u64::from(byte & 0x7f) << self.bits;
        self.bits += 7;
        (byte & 0x80 == 0 || self.bits > u32::BITS).then(|| {
            self.bits = 0;
            std::mem::take(&mut self.value)
        })
    }
}

impl Buf for Guarded {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    /// Only varints and booleans are read by this: a boolean is a varint of one byte.
    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        let byte = self.bytes.try_get_u8()?;
        if let Some(value) = self.note(byte) {
            let available = self.bytes.len();
            if value > HARMLESS.max(available as u64 + 1) {
                let requested = usize::try_from(value).unwrap_or(usize::MAX);
                return Err(TryGetError { requested, available });
            }
        }
        Ok(byte)
    }
}

impl ByteBuf for Guarded {
    fn peek_bytes(&mut self, range: Range<usize>) -> Bytes {
        self.bytes.slice(range)
    }

    fn get_bytes(&mut self, count: usize) -> Bytes {
        self.bytes.split_to(count)
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{MetadataResponse, OffsetFetchResponse};
    use kafka_protocol::protocol::Decodable as _;
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<u8>, TryGetError> {
        let mut guarded = Guarded::new(Bytes::copy_from_slice(bytes));
        (0..bytes.len()).map(|_| guarded.try_get_u8()).collect()
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert!(read(&[0x03]).is_ok(), "small ones are harmless");
        assert!(read(&[0xff, 0xff, 0x03]).is_ok(), "65,535");
        let refused = read(&[0xff, 0xff, 0xff, 0xff, 0x0f]).unwrap_err();
        assert_eq!((refused.requested, refused.available), (u32::MAX as usize, 0));
        assert!(read(&[0xff; 5]).is_err(), "more bits than a length has");
    }

    #[test]
    fn the_next_varint_begins_anew() {
        assert!(read(&[0x80, 0x01, 0x01, 0x00, 0x7f]).is_ok());
    }

    #[test]
    fn nothing_but_ones_is_no_answer() {
        let ones = || Guarded::new(Bytes::from(vec![0xff; 64]));
        assert!(OffsetFetchResponse::decode(&mut ones(), 9).is_err());
        assert!(MetadataResponse::decode(&mut ones(), 12).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let guarded = || Guarded::new(Bytes::from(bytes.clone()));
            let _ = OffsetFetchResponse::decode(&mut guarded(), 9);
            let _ = MetadataResponse::decode(&mut guarded(), 12);
        }
    }
}
