//! Records in an unpacked batch: varints and slices.

use std::num::TryFromIntError;

use bytes::Bytes;

use super::header::{Header, LOG_APPEND_TIME};
use super::{BatchError, Header as RecordHeader, Record};

/// Length, attributes, two differences, two lengths, a count: one byte each at least.
const SMALLEST: usize = 7;

/// Why a record is not read.
#[derive(Debug)]
enum Unread {
    /// Something does not fit: a length, a count, a number.
    Broken,
    /// It takes more memory than there is room for.
    NoRoom,
}

impl From<TryFromIntError> for Unread {
    fn from(_: TryFromIntError) -> Self {
        Self::Broken
    }
}

/// Reads the records of a batch one after the other.
#[derive(Debug)]
pub(super) struct Records<'a> {
    bytes: &'a Bytes,
    at: usize,
    header: &'a Header,
}

/// The first fields of a record.
struct Begun {
    end: usize,
    /// Since the batch's.
    timestamp: i64,
    offset: i64,
}

impl<'a> Records<'a> {
    pub(super) fn new(header: &'a Header, bytes: &'a Bytes) -> Self {
        Self { bytes, at: 0, header }
    }

    /// Appends the records from an offset on to `into`, as long as there is `room` for them beside
    /// their bytes: a record takes a hundred bytes in memory, of which seven are in the batch, and an
    /// empty header 64 of two. Gives the offset of the first that is left for the next time.
    pub(super) fn read_into(
        mut self,
        from: i64,
        into: &mut Vec<Record>,
        room: &mut usize,
    ) -> Result<Option<i64>, BatchError> {
        let count =
            usize::try_from(self.header.count).map_err(|_| self.header.malformed("its count"))?;
        let most = self.bytes.len() / SMALLEST;
        into.reserve(count.min(most).min(*room / size_of::<Record>()));
        let mut earliest = self.header.base_offset;
        for _ in 0..count {
            let begun = self.begin().map_err(|_| self.header.malformed("a record"))?;
            if begun.offset < earliest || begun.offset > self.header.last_offset {
                return Err(self.header.malformed("a record's offset"));
            }
            earliest = begun.offset + 1;
            if begun.offset < from {
                self.at = begun.end;
                continue;
            }
            match self.finish(&begun, *room) {
                Ok(record) => {
                    *room -= taken(record.headers.len());
                    into.push(record);
                }
                Err(Unread::NoRoom) => return Ok(Some(begun.offset)),
                Err(Unread::Broken) => return Err(self.header.malformed("a record")),
            }
        }
        Ok(None)
    }

    /// The key of the first record, of a batch of control records.
    pub(super) fn first_key(mut self) -> Option<Bytes> {
        self.begin().ok()?;
        self.nullable().ok()?
    }

    fn begin(&mut self) -> Result<Begun, Unread> {
        let length = usize::try_from(self.varint()?)?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(Unread::Broken)?;
        self.at += 1; // attributes: none are defined
        let timestamp = self.varlong()?;
        let offset = self.header.base_offset.checked_add(self.varint()?.into());
        let offset = offset.filter(|_| self.at <= end).ok_or(Unread::Broken)?;
        Ok(Begun { end, timestamp, offset })
    }

    fn finish(&mut self, begun: &Begun, room: usize) -> Result<Record, Unread> {
        let key = self.nullable()?;
        let value = self.nullable()?;
        let headers = self.headers(room)?;
        if self.at != begun.end {
            return Err(Unread::Broken);
        }
        let timestamp = if self.header.is(LOG_APPEND_TIME) {
            self.header.max_timestamp
        } else {
            self.header.base_timestamp.checked_add(begun.timestamp).ok_or(Unread::Broken)?
        };
        Ok(Record { offset: begun.offset, timestamp, key, value, headers })
    }

    fn headers(&mut self, room: usize) -> Result<Vec<RecordHeader>, Unread> {
        let count = usize::try_from(self.varint()?)?;
        // A name and a value take a byte each at least.
        if count > (self.bytes.len() - self.at) / 2 {
            return Err(Unread::Broken);
        }
        if taken(count) > room {
            return Err(Unread::NoRoom);
        }
        let mut headers = Vec::with_capacity(count);
        for _ in 0..count {
            let name = self.nullable()?.ok_or(Unread::Broken)?;
            headers.push((name, self.nullable()?));
        }
        Ok(headers)
    }

    /// Bytes with their length before them; -1 is none.
    fn nullable(&mut self) -> Result<Option<Bytes>, Unread> {
        let length = self.varint()?;
        if length == -1 {
            return Ok(None);
        }
        let end = self.at.checked_add(usize::try_from(length)?).ok_or(Unread::Broken)?;
        if end > self.bytes.len() {
            return Err(Unread::Broken);
        }
        let slice = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(Some(slice))
    }

    fn varint(&mut self) -> Result<i32, Unread> {
        let raw = u32::try_from(self.unsigned(5)?)?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    fn varlong(&mut self) -> Result<i64, Unread> {
        let raw = self.unsigned(10)?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// Seven bits a byte, the lowest first.
    fn unsigned(&mut self, longest: u32) -> Result<u64, Unread> {
        let mut value = 0_u64;
        for index in 0..longest {
            let byte = *self.bytes.get(self.at).ok_or(Unread::Broken)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Unread::Broken)
    }
}

/// What a record takes in memory beside its bytes.
fn taken(headers: usize) -> usize {
    size_of::<Record>().saturating_add(headers.saturating_mul(size_of::<RecordHeader>()))
}
