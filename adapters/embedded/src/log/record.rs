//! A record's bytes, in the log and in an outbox.
//!
//! | bytes | what                                                            |
//! |-------|-----------------------------------------------------------------|
//! | 8     | the record's own time, ms, i64                                  |
//! | 4 + n | key: length u32 (`u32::MAX`: none), bytes                       |
//! | 4 + n | value: the same                                                 |
//! | 4     | number of headers, u32                                          |
//! | each  | length of the name u32, of the value u32, name (UTF-8), value   |
//!
//! Numbers are little-endian. What holds a record carries the version of its format.

use comptoir_domain::record::Record;
use comptoir_domain::time::Timestamp;

use crate::bytes::{Rest, length, put_optional};
use crate::error::Malformed;

/// Bytes of a record besides key, value and headers.
const FRAME: usize = 8 + 4 + 4 + 4;
const WHAT: &str = "a record";

/// How many bytes [`encode`] adds.
pub(crate) fn encoded_len(record: &Record) -> usize {
    FRAME + record.size() + 8 * record.headers.len()
}

/// Appends the record's bytes.
pub(crate) fn encode(record: &Record, into: &mut Vec<u8>) {
    into.extend(record.time.as_millis().to_le_bytes());
    put_optional(into, record.key.as_deref());
    put_optional(into, record.value.as_deref());
    into.extend(length(record.headers.len()));
    for (name, value) in &record.headers {
        into.extend(length(name.len()));
        into.extend(length(value.len()));
        into.extend_from_slice(name.as_bytes());
        into.extend_from_slice(value);
    }
}

/// Reads a record back. Whatever the bytes, it allocates no more than they are.
pub(crate) fn decode(bytes: &[u8]) -> Result<Record, Malformed> {
    let mut rest = Rest::new(bytes, WHAT);
    let time = Timestamp::from_millis(i64::from_le_bytes(rest.array()?));
    let key = rest.optional()?;
    let value = rest.optional()?;
    let count = rest.length()?;
    // Each header takes 8 bytes at least.
    let mut headers = Vec::with_capacity(count.min(rest.len() / 8));
    for _ in 0..count {
        let (name, value) = (rest.length()?, rest.length()?);
        let name = rest.text(name)?.to_owned();
        headers.push((name, rest.take(value)?.to_vec()));
    }
    rest.end()?;
    Ok(Record { key, value, headers, time })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records() -> impl Strategy<Value = Record> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        let headers = prop::collection::vec((".{0,8}", bytes()), 0..4);
        let parts = (prop::option::of(bytes()), prop::option::of(bytes()), headers, any::<i64>());
        parts.prop_map(|(key, value, headers, time)| Record {
            key,
            value,
            headers,
            time: Timestamp::from_millis(time),
        })
    }

    proptest! {
        #[test]
        fn a_record_comes_back(record in records()) {
            let mut bytes = Vec::new();
            encode(&record, &mut bytes);
            prop_assert_eq!(bytes.len(), encoded_len(&record));
            prop_assert_eq!(decode(&bytes), Ok(record));
        }

        #[test]
        fn any_bytes_give_a_record_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }

        /// One changed byte gives another record or an error, and never a panic.
        #[test]
        fn a_damaged_record_is_read_without_panic(record in records(), at: prop::sample::Index, byte: u8) {
            let mut bytes = Vec::new();
            encode(&record, &mut bytes);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = decode(&bytes);
        }
    }
}
