//! Records in an unpacked batch: varints and slices.

use std::num::TryFromIntError;

use bytes::Bytes;

use super::header::{Header, LOG_APPEND_TIME};
use super::{BatchError, Header as RecordHeader, Record};

/// Length, attributes, two differences, two lengths, a count: one byte each at least.
const SMALLEST: usize = 7;

/// Something does not fit: a length, a count, a number.
#[derive(Debug)]
struct Broken;

impl From<TryFromIntError> for Broken {
    fn from(_: TryFromIntError) -> Self {
        Self
    }
}

/// Reads the records of a batch one after the other.
#[derive(Debug)]
pub(super) struct Records<'a> {
    bytes: &'a Bytes,
    at: usize,
    header: &'a Header,
}

impl<'a> Records<'a> {
    pub(super) fn new(header: &'a Header, bytes: &'a Bytes) -> Self {
        Self { bytes, at: 0, header }
    }

    /// Appends the records from an offset on to `into`.
    pub(super) fn read_into(mut self, from: i64, into: &mut Vec<Record>) -> Result<(), BatchError> {
        let count =
            usize::try_from(self.header.count).map_err(|_| self.header.malformed("its count"))?;
        into.reserve(count.min(self.bytes.len() / SMALLEST));
        let mut earliest = self.header.base_offset;
        for _ in 0..count {
            let record = self.next().map_err(|_| self.header.malformed("a record"))?;
            if record.offset < earliest || record.offset > self.header.last_offset {
                return Err(self.header.malformed("a record's offset"));
            }
            earliest = record.offset + 1;
            if record.offset >= from {
                into.push(record);
            }
        }
        Ok(())
    }

    /// The key of the first record, of a batch of control records.
    pub(super) fn first_key(mut self) -> Option<Bytes> {
        self.next().ok()?.key
    }

    fn next(&mut self) -> Result<Record, Broken> {
        let length = usize::try_from(self.varint()?)?;
        let end =
            self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or(Broken)?;
        self.at += 1; // attributes: none are defined
        let timestamp = self.varlong()?;
        let offset = self.varint()?;
        let key = self.nullable()?;
        let value = self.nullable()?;
        let headers = self.headers()?;
        if self.at != end {
            return Err(Broken);
        }
        let timestamp = if self.header.is(LOG_APPEND_TIME) {
            self.header.max_timestamp
        } else {
            self.header.base_timestamp.checked_add(timestamp).ok_or(Broken)?
        };
        let offset = self.header.base_offset.checked_add(offset.into()).ok_or(Broken)?;
        Ok(Record { offset, timestamp, key, value, headers })
    }

    fn headers(&mut self) -> Result<Vec<RecordHeader>, Broken> {
        let count = usize::try_from(self.varint()?)?;
        // A name and a value take a byte each at least.
        let mut headers = Vec::with_capacity(count.min((self.bytes.len() - self.at) / 2));
        for _ in 0..count {
            let name = self.nullable()?.ok_or(Broken)?;
            headers.push((name, self.nullable()?));
        }
        Ok(headers)
    }

    /// Bytes with their length before them; -1 is none.
    fn nullable(&mut self) -> Result<Option<Bytes>, Broken> {
        let length = self.varint()?;
        if length == -1 {
            return Ok(None);
        }
        let end = self.at.checked_add(usize::try_from(length)?).ok_or(Broken)?;
        if end > self.bytes.len() {
            return Err(Broken);
        }
        let slice = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(Some(slice))
    }

    fn varint(&mut self) -> Result<i32, Broken> {
        let raw = u32::try_from(self.unsigned(5)?)?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    fn varlong(&mut self) -> Result<i64, Broken> {
        let raw = self.unsigned(10)?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// Seven bits a byte, the lowest first.
    fn unsigned(&mut self, longest: u32) -> Result<u64, Broken> {
        let mut value = 0_u64;
        for index in 0..longest {
            let byte = *self.bytes.get(self.at).ok_or(Broken)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Broken)
    }
}
