mod arbitrary;
mod foreign;
mod packed;
mod transactions;

use bytes::{Bytes, BytesMut};

use super::header::CHECKED;
use super::*;

const LIMIT: usize = 1 << 20;

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn values(values: &[&str]) -> Vec<NewRecord> {
    let record = |(n, value): (i64, &&str)| NewRecord {
        timestamp: 1_000 + n,
        value: Some(text(value)),
        ..NewRecord::default()
    };
    (0..).zip(values).map(record).collect()
}

/// A batch as a broker stores it, from an offset on.
fn stored(base: i64, records: &[NewRecord]) -> Bytes {
    changed(&encode(records, Compression::None, Sequence::NONE), |batch| {
        batch[..8].copy_from_slice(&base.to_be_bytes());
    })
}

/// The batch after a change, with a checksum that fits.
fn changed(batch: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut batch = batch.to_vec();
    change(&mut batch);
    let checksum = crc32c::crc32c(&batch[CHECKED..]);
    batch[CHECKED - 4..CHECKED].copy_from_slice(&checksum.to_be_bytes());
    batch.into()
}

fn all(batches: &[Bytes]) -> Bytes {
    batches.concat().into()
}

fn read(bytes: Bytes, from: i64) -> Decoded {
    decode(bytes, from, vec![], LIMIT).unwrap()
}

fn shown(decoded: &Decoded) -> Vec<(i64, &str)> {
    decoded
        .records
        .iter()
        .map(|record| {
            (record.offset, std::str::from_utf8(record.value.as_deref().unwrap()).unwrap())
        })
        .collect()
}

#[test]
fn a_record_keeps_all_its_parts() {
    let name = Bytes::from_static(b"trace");
    let headers =
        vec![(name.clone(), Some(text("1"))), (Bytes::new(), None), (name, Some(text("2")))];
    let full = NewRecord { timestamp: -5, key: Some(text("key")), value: Some(text("")), headers };
    let bare = NewRecord { timestamp: 70_000, ..NewRecord::default() };
    let decoded = read(stored(40, &[full.clone(), bare]), 40);
    assert_eq!(
        decoded.records,
        vec![
            Record {
                offset: 40,
                timestamp: -5,
                key: full.key,
                value: full.value,
                headers: full.headers,
            },
            Record { offset: 41, timestamp: 70_000, key: None, value: None, headers: vec![] },
        ]
    );
    assert_eq!(decoded.next, 42);
}

#[test]
fn batches_follow_each_other_and_what_is_before_the_offset_is_left_out() {
    let bytes = all(&[stored(0, &values(&["a", "b"])), stored(2, &values(&["c", "d"]))]);
    let decoded = read(bytes.clone(), 0);
    assert_eq!(shown(&decoded), vec![(0, "a"), (1, "b"), (2, "c"), (3, "d")]);
    let decoded = read(bytes.clone(), 3);
    assert_eq!((shown(&decoded), decoded.next), (vec![(3, "d")], 4));
    assert_eq!(read(bytes, 9), Decoded { records: vec![], next: 9 });
}

#[test]
fn records_share_the_bytes_of_the_answer() {
    let bytes = stored(0, &values(&["a value"]));
    let value = read(bytes.clone(), 0).records.remove(0).value.unwrap();
    assert!(bytes.as_ptr_range().contains(&value.as_ptr()));
}

#[test]
fn a_batch_of_which_compaction_left_less_still_counts_whole() {
    // Three records were written; the last offset stays when the last record goes.
    let bytes = changed(&stored(5, &values(&["a"])), |batch| {
        batch[23..27].copy_from_slice(&2_i32.to_be_bytes());
    });
    let decoded = read(bytes, 5);
    assert_eq!((shown(&decoded), decoded.next), (vec![(5, "a")], 8));
    let empty = changed(&stored(5, &[]), |batch| {
        batch[23..27].copy_from_slice(&2_i32.to_be_bytes());
    });
    assert_eq!(read(empty, 6), Decoded { records: vec![], next: 8 });
}

#[test]
fn the_time_of_appending_counts_if_the_topic_says_so() {
    let bytes = changed(&stored(0, &values(&["a"])), |batch| {
        batch[22] |= 0b1000;
        batch[35..43].copy_from_slice(&77_i64.to_be_bytes());
    });
    assert_eq!(read(bytes, 0).records[0].timestamp, 77);
}

#[test]
fn a_last_batch_that_breaks_off_is_left_for_the_next_time() {
    let whole = stored(0, &values(&["a"]));
    let broken = stored(1, &values(&["b"]));
    for length in 0..broken.len() {
        let bytes = all(&[whole.clone(), broken.slice(..length)]);
        assert_eq!(shown(&read(bytes, 0)), vec![(0, "a")], "{length} bytes of the second");
    }
}

#[test]
fn a_wrong_byte_is_noticed() {
    let good = stored(0, &values(&["a"]));
    for at in CHECKED..good.len() {
        let mut bad = BytesMut::from(&good[..]);
        bad[at] ^= 0x10;
        let error = decode(bad.freeze(), 0, vec![], LIMIT).unwrap_err();
        assert!(matches!(error, BatchError::Checksum { offset: 0 }), "byte {at}: {error:?}");
    }
}

#[test]
fn what_is_before_a_batch_that_cannot_be_read_is_still_delivered() {
    let mut bad = BytesMut::from(&stored(1, &values(&["b"]))[..]);
    *bad.last_mut().unwrap() ^= 1;
    let bad = bad.freeze();
    let decoded = read(all(&[stored(0, &values(&["a"])), bad.clone()]), 0);
    assert_eq!((shown(&decoded), decoded.next), (vec![(0, "a")], 1));
    assert!(decode(bad, 1, vec![], LIMIT).is_err());
}

#[test]
fn a_batch_that_goes_back_is_left_for_the_next_time() {
    let back = all(&[stored(4, &values(&["a", "b"])), stored(5, &values(&["c"]))]);
    let decoded = read(back, 4);
    assert_eq!((shown(&decoded), decoded.next), (vec![(4, "a"), (5, "b")], 6));
}

#[test]
fn counts_and_offsets_that_contradict_are_malformed() {
    let good = stored(0, &values(&["a", "b"]));
    let wrong = [
        changed(&good, |batch| batch[57..61].copy_from_slice(&i32::MAX.to_be_bytes())),
        changed(&good, |batch| batch[57..61].copy_from_slice(&(-1_i32).to_be_bytes())),
        changed(&good, |batch| batch[23..27].copy_from_slice(&0_i32.to_be_bytes())),
        changed(&good, |batch| batch[23..27].copy_from_slice(&(-9_i32).to_be_bytes())),
        changed(&good, |batch| batch[8..12].copy_from_slice(&3_i32.to_be_bytes())),
        changed(&good, |batch| batch[..8].copy_from_slice(&i64::MAX.to_be_bytes())),
        changed(&good, |batch| batch[..8].copy_from_slice(&(-2_i64).to_be_bytes())),
    ];
    for bytes in wrong {
        let error = decode(bytes, 0, vec![], LIMIT).unwrap_err();
        assert!(matches!(error, BatchError::Malformed { .. }), "{error:?}");
    }
}
