//! One record as the page shows it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::Partition;
use serde_json::{Value, json};

/// How much of a value a list shows, in bytes.
pub(crate) const PREVIEW_BYTES: usize = 4_096;
/// How much of a value is shown at all; the whole of a larger one can be downloaded.
pub(crate) const WHOLE_BYTES: usize = 1024 * 1024;

/// The record, its value cut to `most` bytes.
pub(crate) fn view<C: EventCodec>(at: Partition, stored: &StoredRecord, most: usize) -> Value {
    let record = &stored.record;
    let (key, key_encoding) = record.key.as_deref().map(text).unzip();
    let value = record.value.as_deref();
    let cut = value.map(|value| cut(value, most));
    let (shown, value_encoding) = cut.map(text).unzip();
    let headers = record.headers.iter().map(|(name, value)| {
        let (value, encoding) = text(value);
        json!({"name": name, "value": value, "encoding": encoding})
    });
    let event = C::decode(record).ok().map(|envelope| {
        json!({
            "id": envelope.id.as_str(), "type": envelope.kind(), "source": envelope.source,
            "subject": envelope.subject, "trace_id": envelope.trace.trace_id(),
        })
    });
    json!({
        "partition": at.0, "offset": stored.offset.0, "time": record.time.as_millis(),
        "size": record.size(),
        "key": key, "key_encoding": key_encoding,
        "value": shown, "value_encoding": value_encoding,
        "truncated": cut.map(<[u8]>::len) != value.map(<[u8]>::len),
        "headers": headers.collect::<Vec<_>>(),
        "event": event,
    })
}

/// Cuts at the end of a character, so that a text stays a text.
fn cut(value: &[u8], most: usize) -> &[u8] {
    if value.len() <= most {
        return value;
    }
    let continues = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    let end = (most.saturating_sub(3)..=most).rev().find(|&end| !continues(value[end]));
    &value[..end.unwrap_or(most)]
}

fn text(bytes: &[u8]) -> (String, &'static str) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), "utf8"),
        Err(_) => (BASE64_STANDARD.encode(bytes), "base64"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_stays_a_text() {
        let text = "aé€😀".as_bytes();
        for most in 0..=text.len() {
            assert!(std::str::from_utf8(cut(text, most)).is_ok(), "{most}");
        }
        assert_eq!(cut(&[0xff; 10], 4).len(), 4);
    }
}
