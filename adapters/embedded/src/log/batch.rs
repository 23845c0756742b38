//! A row of the log: the records that one group appended to one partition.
//!
//! One row for all of them, instead of one each, makes appending and compacting several times cheaper.
//! The key has the offset of the last, so that the row with a given record is the first one whose key
//! is not before it; there are no holes.
//!
//! | bytes | what                                                                                |
//! |-------|-------------------------------------------------------------------------------------|
//! | 1     | version of this format: 1                                                           |
//! | 8     | when it was appended, ms, i64; never less than the row before it                    |
//! | 8     | bytes of the partition's rows and keys up to this one, this one included, u64       |
//! | 4     | number of records, u32                                                              |
//! | each  | length u32, record ([`super::record`])                                              |
//!
//! Numbers are little-endian.

use comptoir_domain::record::Record;

use super::record;
use crate::bytes::{Rest, length};
use crate::error::Malformed;

const VERSION: u8 = 1;
const STAMP: usize = 1 + 8 + 8 + 4;
const WHAT: &str = "a batch of the log";

/// What a row says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// When it was appended, in milliseconds.
    pub(crate) appended: i64,
    /// Bytes of the partition's rows up to this one, this one included.
    pub(crate) bytes_through: u64,
    /// How many records it has.
    pub(crate) count: u32,
}

/// Begins an empty row.
pub(super) fn begin(row: &mut Vec<u8>) {
    row.clear();
    row.resize(STAMP, 0);
}

/// Appends a record as a row holds it.
pub(super) fn put(record: &Record, into: &mut Vec<u8>) {
    let bytes = record::encoded_len(record);
    into.reserve(4 + bytes);
    into.extend(length(bytes));
    record::encode(record, into);
}

/// Puts the stamp into a row that [`begin`] began.
pub(super) fn stamp(row: &mut [u8], stamp: Stamp) {
    row[0] = VERSION;
    row[1..9].copy_from_slice(&stamp.appended.to_le_bytes());
    row[9..17].copy_from_slice(&stamp.bytes_through.to_le_bytes());
    row[17..STAMP].copy_from_slice(&stamp.count.to_le_bytes());
}

/// Reads the stamp of a row.
pub(crate) fn decode_stamp(row: &[u8]) -> Result<Stamp, Malformed> {
    Ok(Batch::open(row)?.stamp)
}

/// A row on the way to its records.
pub(crate) struct Batch<'a> {
    pub(crate) stamp: Stamp,
    rest: Rest<'a>,
    left: u32,
}

impl<'a> Batch<'a> {
    pub(crate) fn open(row: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = Rest::new(row, WHAT);
        rest.version(VERSION)?;
        let stamp = Stamp {
            appended: i64::from_le_bytes(rest.array()?),
            bytes_through: u64::from_le_bytes(rest.array()?),
            count: u32::from_le_bytes(rest.array()?),
        };
        Ok(Self { stamp, rest, left: stamp.count })
    }

    /// The bytes of the next record.
    pub(crate) fn next(&mut self) -> Option<Result<&'a [u8], Malformed>> {
        let Some(left) = self.left.checked_sub(1) else {
            let end = self.rest.end();
            return end.err().map(Err);
        };
        self.left = left;
        let record = self.rest.length().and_then(|bytes| self.rest.take(bytes));
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(values: &[Vec<u8>]) -> Vec<u8> {
        let mut row = Vec::new();
        begin(&mut row);
        for value in values {
            let record = Record { value: Some(value.clone()), ..Record::default() };
            put(&record, &mut row);
        }
        let count = u32::try_from(values.len()).unwrap();
        stamp(&mut row, Stamp { appended: 7, bytes_through: 9, count });
        row
    }

    fn values(row: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut batch = Batch::open(row)?;
        let mut values = Vec::new();
        while let Some(record) = batch.next() {
            values.push(record::decode(record?)?.value.unwrap_or_default());
            assert!(values.len() <= row.len(), "it comes to an end");
        }
        Ok(values)
    }

    fn some_values() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5)
    }

    proptest! {
        #[test]
        fn a_batch_comes_back(given in some_values()) {
            let row = row(&given);
            prop_assert_eq!(decode_stamp(&row).unwrap().appended, 7);
            prop_assert_eq!(decode_stamp(&row).unwrap().bytes_through, 9);
            prop_assert_eq!(values(&row), Ok(given));
        }

        #[test]
        fn any_bytes_give_records_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = values(&bytes);
            let mut with_version = vec![VERSION];
            with_version.extend(&bytes);
            let _ = values(&with_version);
        }

        #[test]
        fn a_damaged_batch_is_read_without_panic(given in some_values(), at: prop::sample::Index, byte: u8) {
            let mut row = row(&given);
            let at = at.index(row.len());
            row[at] = byte;
            let _ = values(&row);
        }
    }

    #[test]
    fn an_unknown_version_is_named() {
        let mut row = row(&[]);
        row[0] = 9;
        let problem = values(&row).unwrap_err().to_string();
        assert_eq!(problem, "a batch of the log: version 9 is unknown");
    }
}
