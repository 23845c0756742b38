//! What Kafka's Java client wrote; see `tests/batches/README.md`.

use super::*;

macro_rules! java {
    ($name:literal) => {
        Bytes::from_static(include_bytes!(concat!("../../../tests/batches/", $name, ".bin")))
    };
}
pub(super) use java;

fn expected(n: i64) -> Record {
    let length = usize::try_from(n).unwrap();
    let header = Bytes::from_static(b"n");
    Record {
        offset: 100 + n,
        timestamp: 1_700_000_000_000 + n,
        key: (n % 3 != 0).then(|| Bytes::from(format!("key-{n}"))),
        value: (n % 5 != 4).then(|| Bytes::from(format!("value-{n}-{}", "abc".repeat(length)))),
        headers: vec![(header.clone(), Some(Bytes::from(n.to_string()))), (header, None)],
    }
}

#[test]
fn every_compression_is_read() {
    let expected: Vec<Record> = (0..50).map(expected).collect();
    for bytes in [java!("gzip"), java!("snappy"), java!("lz4"), java!("zstd")] {
        let decoded = read(bytes, 100);
        assert_eq!(decoded.records, expected);
        assert_eq!(decoded.next, 150);
    }
}

#[test]
fn older_formats_are_told_apart() {
    for (bytes, expected) in [(java!("magic0"), 0), (java!("magic1"), 1)] {
        let error = decode(bytes, 0, vec![], LIMIT).unwrap_err();
        assert!(matches!(error, BatchError::Format { offset: 7, magic } if magic == expected));
    }
}
