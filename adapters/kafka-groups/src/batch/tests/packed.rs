//! Unpacking, and its bound.

use std::io::Write as _;

use super::*;

const GZIP: u8 = 1;
const SNAPPY: u8 = 2;
const LZ4: u8 = 3;
const ZSTD: u8 = 4;

/// A batch with its records packed by `pack`.
fn packed(codec: u8, batch: &[u8], pack: impl FnOnce(&[u8]) -> Vec<u8>) -> Bytes {
    changed(batch, |batch| {
        let body = pack(&batch[61..]);
        batch.truncate(61);
        batch.extend(body);
        batch[22] |= codec;
        let length = i32::try_from(batch.len() - 12).unwrap();
        batch[8..12].copy_from_slice(&length.to_be_bytes());
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

/// As snappy-java frames blocks.
fn xerial(bytes: &[u8]) -> Vec<u8> {
    let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    for chunk in bytes.chunks(1_000) {
        let block = snappy(chunk);
        framed.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
        framed.extend(block);
    }
    framed
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut to = lz4_flex::frame::FrameEncoder::new(Vec::new());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

type Pack = fn(&[u8]) -> Vec<u8>;
const PACKS: [(u8, Pack); 5] =
    [(GZIP, gzip), (SNAPPY, snappy), (SNAPPY, xerial), (LZ4, lz4), (ZSTD, zstd)];

#[test]
fn it_unpacks_what_was_packed() {
    let long = "long ".repeat(2_000);
    let batch = stored(0, &values(&["a", &long, "b"]));
    for (codec, pack) in PACKS {
        let decoded = read(packed(codec, &batch, pack), 0);
        assert_eq!(shown(&decoded), vec![(0, "a"), (1, &long), (2, "b")], "codec {codec}");
    }
}

#[test]
fn frames_behind_frames_are_unpacked_as_well() {
    let batch = stored(0, &values(&["a", "b", "c"]));
    let halves = |pack: Pack| move |bytes: &[u8]| [pack(&bytes[..9]), pack(&bytes[9..])].concat();
    for (codec, pack) in [(GZIP, gzip as Pack), (ZSTD, zstd)] {
        let decoded = read(packed(codec, &batch, halves(pack)), 0);
        assert_eq!(shown(&decoded), vec![(0, "a"), (1, "b"), (2, "c")], "codec {codec}");
    }
}

#[test]
fn a_bomb_is_refused() {
    let batch = stored(0, &values(&[&" ".repeat(LIMIT)]));
    for (codec, pack) in PACKS {
        let bytes = packed(codec, &batch, pack);
        let error = decode(bytes, 0, vec![], LIMIT).unwrap_err();
        assert!(matches!(error, BatchError::TooLarge { limit: LIMIT, .. }), "{codec}: {error:?}");
    }
}

#[test]
fn many_bombs_are_taken_one_by_one() {
    let value = " ".repeat(LIMIT * 2 / 3);
    let bomb = |base| packed(GZIP, &stored(base, &values(&[&value])), gzip);
    let bytes = all(&[bomb(0), bomb(1), bomb(2)]);
    for offset in 0..3 {
        let rest = bytes.slice(bytes.len() / 3 * usize::try_from(offset).unwrap()..);
        let decoded = read(rest, offset);
        assert_eq!((decoded.records.len(), decoded.next), (1, offset + 1));
    }
}

/// A record is far larger in memory than the seven bytes that it takes in a batch.
#[test]
fn many_small_records_are_taken_in_parts() {
    let count = 3 * LIMIT / size_of::<Record>();
    let batch = stored(0, &vec![NewRecord::default(); count]);
    for bytes in [packed(GZIP, &batch, gzip), batch] {
        let (mut next, mut parts) = (0, 0);
        while next < i64::try_from(count).unwrap() {
            let part = read(bytes.clone(), next);
            assert!(part.records.iter().map(|record| record.offset).eq(next..part.next));
            (next, parts) = (part.next, parts + 1);
        }
        assert_eq!(parts, 4);
    }
}

#[test]
fn a_record_of_headers_without_end_is_refused_behind_those_before_it() {
    let name = Bytes::from_static(b"n");
    let bomb = NewRecord { headers: vec![(name, None); LIMIT / 50], ..NewRecord::default() };
    let records = [NewRecord::default(), bomb, NewRecord::default()];
    let bytes = packed(GZIP, &stored(0, &records), gzip);
    let before = read(bytes.clone(), 0);
    assert_eq!((before.records.len(), before.next), (1, 1));
    let error = decode(bytes.clone(), 1, vec![], LIMIT).unwrap_err();
    assert!(matches!(error, BatchError::TooLarge { offset: 1, limit: LIMIT }), "{error:?}");
    assert_eq!(read(bytes, 2).records.len(), 1, "a commit beyond it skips it");
}

#[test]
fn what_cannot_be_unpacked_is_an_error() {
    let batch = stored(0, &values(&["a"]));
    for (codec, pack) in PACKS {
        let cut = |bytes: &[u8]| {
            let mut packed = pack(bytes);
            packed.truncate(packed.len() / 2);
            packed
        };
        assert!(decode(packed(codec, &batch, cut), 0, vec![], LIMIT).is_err(), "codec {codec}");
        let noise = packed(codec, &batch, |_| vec![0xa5; 40]);
        assert!(decode(noise, 0, vec![], LIMIT).is_err(), "codec {codec}");
    }
    let error = decode(packed(5, &batch, <[u8]>::to_vec), 0, vec![], LIMIT).unwrap_err();
    assert!(matches!(error, BatchError::Codec { codec: 5, .. }), "{error:?}");
}

#[test]
fn gzip_is_also_written() {
    let records = values(&["a", &"b".repeat(5_000)]);
    let bytes = encode(&records, Compression::Gzip, Sequence::NONE);
    assert!(bytes.len() < 500);
    assert_eq!(read(bytes, 0).records[1].value, records[1].value);
}
