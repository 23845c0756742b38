//! Bytes of an answer, read so that what they say of their own lengths is not believed blindly.
//!
//! The codecs reserve room for as many elements as an array says it has before they read the first
//! one. A count that is larger than what is left cannot be right, since an element takes a byte at
//! least.
//!
//! In flexible versions ([KIP-482]) every length is an unsigned varint, read byte by byte: one that
//! cannot be right ends the reading. Counts of older versions are 32-bit numbers among others and are
//! not told from them. So a number that could not be a count is passed on as the smallest that could
//! not either: if it was one, the bytes run out. If they do not, it was none, and the answer is read once
//! more with its numbers as they are; that is rare, since few numbers of answers are as large.
//!
//! What other clients wrote is not read by the codecs at all, see `membership::wire`.
//!
//! [KIP-482]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-482%3A+The+Kafka+Protocol+should+Support+Optional+Tagged+Fields

use std::ops::Range;

use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::protocol::Decodable;
use kafka_protocol::protocol::buf::ByteBuf;

use crate::error::BoxError;

/// Room for as many elements is harmless; no tag that a vendor may have chosen is larger, and no port.
const HARMLESS: usize = 1 << 16;

/// Decodes a message.
pub(super) fn decode<T: Decodable>(bytes: Bytes, version: i16) -> Result<T, BoxError> {
    let mut doubting = Guarded::new(bytes.clone());
    let decoded = T::decode(&mut doubting, version)?;
    if doubting.numbers == Numbers::Checked {
        return Ok(decoded);
    }
    drop(decoded);
    Ok(T::decode(&mut Guarded { numbers: Numbers::Believed, ..Guarded::new(bytes) }, version)?)
}

/// What is made of 32-bit numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// All so far could have been counts.
    Checked,
    /// Some could not, and were passed on as smaller ones.
    Changed,
    /// None of those that are too large is a count.
    Believed,
}

/// An answer's bytes.
#[derive(Debug)]
struct Guarded {
    bytes: Bytes,
    /// The varint under way: its value so far, and how many bits that is.
    value: u64,
    bits: u32,
    numbers: Numbers,
}

impl Guarded {
    fn new(bytes: Bytes) -> Self {
        Self { bytes, value: 0, bits: 0, numbers: Numbers::Checked }
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
            // Counts and lengths are one more than what they count.
            let requested = usize::try_from(value).unwrap_or(usize::MAX);
            if requested > HARMLESS.max(available + 1) {
                return Err(TryGetError { requested, available });
            }
        }
        Ok(byte)
    }

    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        let number = self.bytes.try_get_i32()?;
        let available = self.bytes.len();
        let is_possible =
            usize::try_from(number).map_or(true, |count| count <= HARMLESS.max(available));
        if is_possible || self.numbers == Numbers::Believed {
            return Ok(number);
        }
        self.numbers = Numbers::Changed;
        Ok(i32::try_from(available + 1).unwrap_or(number))
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
    use bytes::BytesMut;
    use kafka_protocol::messages::metadata_response::{
        MetadataResponsePartition, MetadataResponseTopic,
    };
    use kafka_protocol::messages::{MetadataResponse, OffsetFetchResponse, SaslHandshakeResponse};
    use kafka_protocol::protocol::Encodable as _;

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
        let ones = || Bytes::from(vec![0xff; 64]);
        assert!(decode::<OffsetFetchResponse>(ones(), 9).is_err());
        assert!(decode::<MetadataResponse>(ones(), 12).is_err());
    }

    #[test]
    fn a_count_of_an_old_version_beyond_the_end_is_refused() {
        for count in [i32::MAX, 1 << 24] {
            let mut answer = BytesMut::from(&[0, 0][..]);
            answer.extend_from_slice(&count.to_be_bytes());
            answer.extend_from_slice(&[0, 5, b'P', b'L', b'A', b'I', b'N']);
            assert!(decode::<SaslHandshakeResponse>(answer.freeze(), 1).is_err(), "{count}");
        }
    }

    #[test]
    fn a_large_number_that_counts_nothing_is_read_as_it_is() {
        let partition = MetadataResponsePartition::default()
            .with_leader_id(2_000_000_000.into())
            .with_leader_epoch(i32::MAX)
            .with_replica_nodes(vec![7.into(), i32::MAX.into()]);
        let topic = MetadataResponseTopic::default()
            .with_name(Some(kafka_protocol::protocol::StrBytes::from_static_str("t").into()))
            .with_partitions(vec![partition]);
        let answer = MetadataResponse::default().with_topics(vec![topic]);
        for version in 4..=12 {
            let mut bytes = BytesMut::new();
            answer.encode(&mut bytes, version).unwrap();
            let read: MetadataResponse = decode(bytes.freeze(), version).unwrap();
            let partition = &read.topics[0].partitions[0];
            let epoch = if version < 7 { -1 } else { i32::MAX };
            assert_eq!((*partition.leader_id, partition.leader_epoch), (2_000_000_000, epoch));
            assert_eq!(*partition.replica_nodes[1], i32::MAX);
        }
    }
}
