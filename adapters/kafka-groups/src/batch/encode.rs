//! From records to the bytes of a batch.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::header::{CHECKED, HEADER, MAGIC, PREFIX};
use super::{Compression, NewRecord};

const NO_LEADER_EPOCH: i32 = -1;

/// Numbers that let a broker recognise a batch that it has already, and its order ([KIP-98]).
///
/// [KIP-98]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-98+-+Exactly+Once+Delivery+and+Transactional+Messaging
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// Whose.
    pub producer: i64,
    /// Its epoch.
    pub epoch: i16,
    /// The number of the first record, in this partition.
    pub first: i32,
}

impl Sequence {
    /// Of a producer without an identity.
    pub const NONE: Self = Self { producer: -1, epoch: -1, first: -1 };
}

/// Encodes one batch of at least one record; the broker gives it its offsets.
///
/// # Panics
/// If the batch would have more than `i32::MAX` records or bytes.
pub fn encode(records: &[NewRecord], compression: Compression, sequence: Sequence) -> Bytes {
    let base = records.first().map_or(0, |record| record.timestamp);
    let latest = records.iter().map(|record| record.timestamp).max().unwrap_or(base);
    let mut body = Vec::with_capacity(records.iter().map(roughly).sum());
    let mut scratch = Vec::new();
    for (delta, record) in (0_i64..).zip(records) {
        put_record(&mut body, &mut scratch, record, delta, record.timestamp.wrapping_sub(base));
    }
    let body = compression.pack(body);
    let mut batch = BytesMut::with_capacity(HEADER + body.len());
    batch.put_i64(0);
    batch.put_i32(fits(HEADER - PREFIX + body.len()));
    batch.put_i32(NO_LEADER_EPOCH);
    batch.put_i8(MAGIC);
    batch.put_u32(0);
    batch.put_i16(compression.codec());
    batch.put_i32(fits(records.len()) - 1);
    batch.put_i64(base);
    batch.put_i64(latest);
    batch.put_i64(sequence.producer);
    batch.put_i16(sequence.epoch);
    batch.put_i32(sequence.first);
    batch.put_i32(fits(records.len()));
    batch.put_slice(&body);
    let checksum = crc32c::crc32c(&batch[CHECKED..]);
    batch[CHECKED - 4..CHECKED].copy_from_slice(&checksum.to_be_bytes());
    batch.freeze()
}

impl NewRecord {
    /// Bytes of key, value and headers.
    pub fn payload(&self) -> usize {
        let length = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
        let headers = self.headers.iter().map(|(name, value)| name.len() + length(value));
        length(&self.key) + length(&self.value) + headers.sum::<usize>()
    }
}

/// An upper bound on what a record takes in a batch that is not packed.
fn roughly(record: &NewRecord) -> usize {
    record.payload() + 36 + 10 * record.headers.len()
}

fn fits(number: usize) -> i32 {
    i32::try_from(number).expect("a batch is far smaller than 2 GiB")
}

fn put_record(
    into: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
    record: &NewRecord,
    offset_delta: i64,
    timestamp_delta: i64,
) {
    scratch.clear();
    scratch.push(0);
    put_varint(scratch, timestamp_delta);
    put_varint(scratch, offset_delta);
    put_nullable(scratch, record.key.as_deref());
    put_nullable(scratch, record.value.as_deref());
    put_varint(scratch, length(record.headers.len()));
    for (name, value) in &record.headers {
        put_nullable(scratch, Some(name));
        put_nullable(scratch, value.as_deref());
    }
    put_varint(into, length(scratch.len()));
    into.extend_from_slice(scratch);
}

fn put_nullable(into: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(into, -1),
        Some(bytes) => {
            put_varint(into, length(bytes.len()));
            into.extend_from_slice(bytes);
        }
    }
}

fn length(bytes: usize) -> i64 {
    fits(bytes).into()
}

fn put_varint(into: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        into.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    into.push(rest.to_le_bytes()[0]);
}
