//! Records in the three shapes that they take: the domain's, rskafka's and kafka-groups'.

use std::collections::BTreeMap;

use bytes::Bytes;
use comptoir_domain::record::{Record, StoredRecord};
use comptoir_domain::time::Timestamp;
use rskafka::chrono::DateTime;

use crate::names::offset;

/// Bytes of a record in a batch beside key, value, headers and the lengths of those: its attributes,
/// its distance in time (as far as 69 years) and in offset, the number of headers, its own length.
const FRAME_BYTES: usize = 1 + 6 + 3 + 2 + 4;

/// Bytes that a record takes in a batch (format 2), or a few more.
pub(crate) fn encoded_bytes(record: &Record) -> usize {
    let of = |field: &Option<Vec<u8>>| {
        let bytes = field.as_ref().map_or(0, Vec::len);
        varint_bytes(bytes) + bytes
    };
    let headers = record.headers.iter().map(|(name, value)| {
        varint_bytes(name.len()) + name.len() + varint_bytes(value.len()) + value.len()
    });
    FRAME_BYTES + of(&record.key) + of(&record.value) + headers.sum::<usize>()
}

/// Bytes of a length as a zigzag varint.
fn varint_bytes(length: usize) -> usize {
    let bits = usize::BITS - length.leading_zeros() + 1;
    bits.div_ceil(7) as usize
}

/// The record for rskafka, which keeps one header per name and times that chrono can tell; `None` if
/// that is too narrow for it.
pub(crate) fn for_rskafka(record: &Record) -> Option<rskafka::record::Record> {
    let headers: BTreeMap<_, _> = record.headers.iter().cloned().collect();
    if !has_order_of(&headers, record) {
        return None;
    }
    Some(rskafka::record::Record {
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
        timestamp: DateTime::from_timestamp_millis(record.time.as_millis())?,
    })
}

/// Whether the sorted headers are still the record's, none missing and in the same order.
fn has_order_of(headers: &BTreeMap<String, Vec<u8>>, record: &Record) -> bool {
    headers.len() == record.headers.len()
        && headers.keys().eq(record.headers.iter().map(|(name, _)| name))
}

/// The record for kafka-groups, which takes every one.
pub(crate) fn for_kafka_groups(record: &Record) -> kafka_groups::batch::NewRecord {
    let bytes = |field: &Option<Vec<u8>>| field.as_deref().map(Bytes::copy_from_slice);
    let header = |(name, value): &(String, Vec<u8>)| {
        (Bytes::copy_from_slice(name.as_bytes()), Some(Bytes::copy_from_slice(value)))
    };
    kafka_groups::batch::NewRecord {
        timestamp: record.time.as_millis(),
        key: bytes(&record.key),
        value: bytes(&record.value),
        headers: record.headers.iter().map(header).collect(),
    }
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
    let of = |field: &Option<Bytes>| field.as_ref().map_or(0, Bytes::len);
    let headers = record.headers.iter().map(|(name, value)| name.len() + of(value));
    of(&record.key) + of(&record.value) + headers.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_headers(names: &[&str]) -> Record {
        let headers = names.iter().map(|name| ((*name).to_owned(), vec![1])).collect();
        Record { headers, ..Record::default() }
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
        let time = Timestamp::from_millis(i64::MAX);
        assert!(for_rskafka(&Record { time, ..Record::default() }).is_none());
    }
}
