//! Whatever bytes come, decoding ends with an error or with what was written.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn bytes(most: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..most).prop_map(Bytes::from)
}

fn record() -> impl Strategy<Value = NewRecord> {
    let headers = vec((bytes(8), option::of(bytes(20))), 0..4);
    // Further apart than this the differences between timestamps do not fit.
    let timestamp = -(1_i64 << 60)..(1_i64 << 60);
    (timestamp, option::of(bytes(40)), option::of(bytes(300)), headers)
        .prop_map(|(timestamp, key, value, headers)| NewRecord { timestamp, key, value, headers })
}

fn compression() -> impl Strategy<Value = Compression> {
    prop_oneof![Just(Compression::None), Just(Compression::Gzip)]
}

/// Decodes, for memory in bounds: bytes unpacked, what they take as records, windows and tables of the
/// decompressors.
fn bounded(bytes: Bytes, from: i64) -> Result<Option<Decoded>, TestCaseError> {
    let mut decoded = None;
    let taken = allocation_counter::measure(|| decoded = decode(bytes, from, vec![], LIMIT).ok());
    let most = 4 * LIMIT as u64 + (20 << 20);
    prop_assert!(taken.bytes_max <= most, "{} bytes", taken.bytes_max);
    Ok(decoded)
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        records in vec(record(), 1..20),
        compression in compression(),
        base in 0..i64::MAX / 2,
    ) {
        let batch = encode(&records, compression, Sequence::NONE);
        let batch = changed(&batch, |batch| batch[..8].copy_from_slice(&base.to_be_bytes()));
        let decoded = read(batch, base);
        prop_assert_eq!(decoded.records.len(), records.len());
        for (offset, (came, sent)) in (base..).zip(decoded.records.into_iter().zip(records)) {
            let NewRecord { timestamp, key, value, headers } = sent;
            prop_assert_eq!(came, Record { offset, timestamp, key, value, headers });
        }
    }

    #[test]
    fn a_prefix_gives_the_first_records_or_none(
        batches in vec(vec(record(), 1..4), 1..4),
        part in 0.0..1.0,
    ) {
        let mut whole = Vec::new();
        let mut base = 0_i64;
        for records in &batches {
            whole.extend_from_slice(&stored(base, records));
            base += i64::try_from(records.len()).unwrap();
        }
        let whole = Bytes::from(whole);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a length below a few kB")]
        let length = (whole.len() as f64 * part) as usize;
        let first = read(whole.slice(..length), 0);
        let all = read(whole, 0);
        prop_assert_eq!(&first.records[..], &all.records[..first.records.len()]);
        prop_assert_eq!(first.next, i64::try_from(first.records.len()).unwrap());
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in bytes(500), from in any::<i64>()) {
        bounded(bytes, from)?;
    }

    #[test]
    fn arbitrary_records_in_a_good_header_do_no_harm(
        body in vec(any::<u8>(), 0..300),
        count in any::<i32>(),
        last in any::<i32>(),
        attributes in any::<u8>(),
    ) {
        let batch = changed(&stored(0, &[]), |batch| {
            batch.extend_from_slice(&body);
            let length = i32::try_from(batch.len() - 12).unwrap();
            batch[8..12].copy_from_slice(&length.to_be_bytes());
            batch[22] = attributes;
            batch[23..27].copy_from_slice(&last.to_be_bytes());
            batch[57..61].copy_from_slice(&count.to_be_bytes());
        });
        let from = 0;
        if let Some(decoded) = bounded(batch, from)? {
            prop_assert!(decoded.next >= from);
            prop_assert!(decoded.records.len() <= 300);
        }
    }

    #[test]
    fn a_few_wrong_bytes_in_a_packed_batch_do_no_harm(
        codec in 0_usize..4,
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let java = [
            super::foreign::java!("gzip"),
            super::foreign::java!("snappy"),
            super::foreign::java!("lz4"),
            super::foreign::java!("zstd"),
        ];
        let batch = changed(&java[codec], |batch| {
            for (at, byte) in changes {
                let at = 61 + at.index(batch.len() - 61);
                batch[at] = byte;
            }
        });
        bounded(batch, 0)?;
    }
}
