//! Records in the three shapes that they take: the domain's, kafka-groups' and rskafka's.

use std::collections::BTreeMap;

use bytes::Bytes;
use comptoir_domain::record::{Record, StoredRecord};
use comptoir_domain::time::Timestamp;
use kafka_groups::batch::NewRecord;
use rskafka::chrono::DateTime;

use crate::names::offset;

/// Bytes of a record in a batch beside key, value, headers and the lengths of those: its attributes,
/// its distance in time (as far as 69 years) and in offset, the number of headers, its own length.
const FRAME_BYTES: usize = 1 + 6 + 3 + 2 + 4;

/// The record as it is appended. Its bytes are taken over, not copied.
pub(crate) fn outgoing(record: Record) -> NewRecord {
    let header = |(name, value): (String, Vec<u8>)| (name.into(), Some(value.into()));
    NewRecord {
        timestamp: record.time.as_millis(),
        key: record.key.map(Bytes::from),
        value: record.value.map(Bytes::from),
        headers: record.headers.into_iter().map(header).collect(),
    }
}

/// Bytes that a record takes in a batch (format 2), or a few more.
pub(crate) fn encoded_bytes(record: &NewRecord) -> usize {
    let of = |field: &Option<Bytes>| {
        let bytes = length(field.as_ref());
        varint_bytes(bytes) + bytes
    };
    let headers = record
        .headers
        .iter()
        .map(|(name, value)| varint_bytes(name.len()) + name.len() + of(value));
    FRAME_BYTES + of(&record.key) + of(&record.value) + headers.sum::<usize>()
}

/// Bytes of a length as a zigzag varint.
fn varint_bytes(length: usize) -> usize {
    let bits = usize::BITS - length.leading_zeros() + 1;
    bits.div_ceil(7) as usize
}

fn length(field: Option<&Bytes>) -> usize {
    field.map_or(0, Bytes::len)
}

/// The record for rskafka, which keeps one header per name and times that chrono can tell; `None` if
/// that is too narrow for it.
pub(crate) fn for_rskafka(record: &NewRecord) -> Option<rskafka::record::Record> {
    let bytes = |field: &Option<Bytes>| field.as_deref().map(<[u8]>::to_vec);
    let mut headers = BTreeMap::new();
    for (name, value) in &record.headers {
        let name = String::from_utf8(name.to_vec()).ok()?;
        // In their order, none twice, or they would not stay so.
        if headers.last_key_value().is_some_and(|(last, _)| *last >= name) {
            return None;
        }
        headers.insert(name, value.as_deref()?.to_vec());
    }
    Some(rskafka::record::Record {
        key: bytes(&record.key),
        value: bytes(&record.value),
        headers,
        timestamp: DateTime::from_timestamp_millis(record.timestamp)?,
    })
}

/// The record as the domain reads it. A header without a value becomes one with an empty value; names
/// that are no UTF-8 are shown with marks where it is not.
pub(crate) fn stored(record: &kafka_groups::Record) -> StoredRecord {
    let header = |(name, value): &kafka_groups::batch::Header| {
        let name = String::from_utf8_lossy(name).into_owned();
        (name, value.as_deref().unwrap_or_default().to_vec())
    };
    StoredRecord {
        offset: offset(record.offset),
        record: Record {
            key: record.key.as_deref().map(<[u8]>::to_vec),
            value: record.value.as_deref().map(<[u8]>::to_vec),
            headers: record.headers.iter().map(header).collect(),
            time: Timestamp::from_millis(record.timestamp),
        },
    }
}

/// Bytes of key, value and headers, as [`Record::size`] counts them.
pub(crate) fn size(record: &kafka_groups::Record) -> usize {
    let headers = record.headers.iter().map(|(name, value)| name.len() + length(value.as_ref()));
    length(record.key.as_ref()) + length(record.value.as_ref()) + headers.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_headers(names: &[&str]) -> NewRecord {
        let headers = names.iter().map(|name| ((*name).to_owned(), vec![1])).collect();
        outgoing(Record { headers, ..Record::default() })
    }

    #[test]
    fn lengths_are_counted_as_zigzag_varints() {
        for (length, bytes) in [(0, 1), (1, 1), (63, 1), (64, 2), (8191, 2), (8192, 3)] {
            assert_eq!(varint_bytes(length), bytes, "{length}");
        }
    }

    #[test]
    fn what_rskafka_would_change_is_not_given_to_it() {
        for kept in [&[][..], &["a"], &["a", "b"]] {
            assert!(for_rskafka(&with_headers(kept)).is_some(), "{kept:?}");
        }
        for changed in [&["a", "a"][..], &["b", "a"], &["a", "b", "a"]] {
            assert!(for_rskafka(&with_headers(changed)).is_none(), "{changed:?}");
        }
        assert!(for_rskafka(&NewRecord { timestamp: i64::MAX, ..NewRecord::default() }).is_none());
    }
}
