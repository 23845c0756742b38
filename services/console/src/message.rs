//! One record as the page shows it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::Partition;
use serde_json::{Value, json};

/// How many bytes of a record are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    key: usize,
    value: usize,
    /// Of all headers together, each with [`HEADER_BYTES`] around it.
    headers: usize,
    /// Of each attribute of the event.
    attribute: usize,
}

/// In a list.
pub(crate) const PREVIEW: Most =
    Most { key: 4_096, value: 4_096, headers: 4_096, attribute: 1_024 };
/// Alone; the whole of a larger value can be downloaded.
pub(crate) const WHOLE: Most =
    Most { value: 1024 * 1024, key: usize::MAX, headers: usize::MAX, attribute: usize::MAX };

/// What a header takes beside its name and value, so that many small ones have an end too.
const HEADER_BYTES: usize = 64;

/// The record, cut to as much as is to be shown.
pub(crate) fn view<C: EventCodec>(at: Partition, stored: &StoredRecord, most: Most) -> Value {
    let record = &stored.record;
    let mut cut = Cut::default();
    let key = record.key.as_deref().map(|key| cut.bytes(key, most.key));
    let value = record.value.as_deref().map(|value| cut.bytes(value, most.value));
    let headers = headers(&record.headers, most.headers, &mut cut);
    let event = C::decode(record).ok().map(|envelope| {
        let mut attribute = |text| text_of(cut.bytes(str::as_bytes(text), most.attribute)).0;
        json!({
            "id": attribute(envelope.id.as_str()), "type": attribute(envelope.kind()),
            "source": attribute(&envelope.source),
            "subject": envelope.subject.as_deref().map(attribute),
            "trace_id": envelope.trace.trace_id(),
        })
    });
    let (key, key_encoding) = key.map(text_of).unzip();
    let (value, value_encoding) = value.map(text_of).unzip();
    json!({
        "partition": at.0, "offset": stored.offset.0, "time": record.time.as_millis(),
        "size": record.size(),
        "key": key, "key_encoding": key_encoding,
        "value": value, "value_encoding": value_encoding,
        "truncated": cut.anything,
        "headers": headers,
        "event": event,
    })
}

/// As many headers as there is room for, the last one cut.
fn headers(all: &[(String, Vec<u8>)], mut room: usize, cut: &mut Cut) -> Vec<Value> {
    let mut shown = Vec::new();
    for (name, value) in all {
        if room <= HEADER_BYTES {
            cut.anything = true;
            break;
        }
        room -= HEADER_BYTES;
        let name = cut.bytes(name.as_bytes(), room);
        room -= name.len();
        let value = cut.bytes(value, room);
        room -= value.len();
        let (value, encoding) = text_of(value);
        shown.push(json!({"name": text_of(name).0, "value": value, "encoding": encoding}));
    }
    shown
}

/// Cuts, and remembers whether anything was.
#[derive(Debug, Default)]
struct Cut {
    anything: bool,
}

impl Cut {
    fn bytes<'a>(&mut self, bytes: &'a [u8], most: usize) -> &'a [u8] {
        let shown = cut(bytes, most);
        self.anything |= shown.len() < bytes.len();
        shown
    }
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

fn text_of(bytes: &[u8]) -> (String, &'static str) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), "utf8"),
        Err(_) => (BASE64_STANDARD.encode(bytes), "base64"),
    }
}

#[cfg(test)]
mod tests {
    use comptoir_domain::record::Record;
    use comptoir_domain::topic::Offset;
    use comptoir_testkit::damage::any_json;
    use comptoir_wire::CloudEventsJson;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cut_text_stays_a_text() {
        let text = "aé€😀".as_bytes();
        for most in 0..=text.len() {
            assert!(std::str::from_utf8(cut(text, most)).is_ok(), "{most}");
        }
        assert_eq!(cut(&[0xff; 10], 4).len(), 4);
    }

    #[test]
    fn headers_are_shown_as_far_as_there_is_room() {
        let all = vec![("name".to_owned(), b"0123456789".to_vec()); 3];
        let shown = |room| {
            let mut cut = Cut::default();
            let shown = headers(&all, room, &mut cut);
            let shown = shown.iter().map(|header| {
                format!(
                    "{}={}",
                    header["name"].as_str().unwrap(),
                    header["value"].as_str().unwrap()
                )
            });
            (shown.collect::<Vec<_>>().join(" "), cut.anything)
        };
        let each = HEADER_BYTES + 14;
        assert_eq!(shown(0), (String::new(), true));
        assert_eq!(shown(each), ("name=0123456789".to_owned(), true));
        assert_eq!(shown(each + HEADER_BYTES + 2), ("name=0123456789 na=".to_owned(), true));
        assert_eq!(shown(2 * each - 3), ("name=0123456789 name=0123456".to_owned(), true));
        assert!(!shown(3 * each).1 && !shown(usize::MAX).1);
    }

    fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any_json().prop_map(String::into_bytes),
            vec(any::<u8>(), 0..200),
            (0..3_000_usize).prop_map(|length| "é".repeat(length).into_bytes()),
        ]
    }

    proptest! {
        /// A page of 500 previews has to stay a page.
        #[test]
        fn any_record_is_shown_within_bounds(
            key in prop::option::of(any_bytes()),
            value in prop::option::of(any_bytes()),
            headers in vec(("\\PC{0,40}", any_bytes()), 0..60),
            offset: u64,
        ) {
            let record = Record { key, value, headers, ..Record::default() };
            let size = record.size() as u64;
            let stored = StoredRecord { offset: Offset(offset), record };
            let mut shown = String::new();
            let taken = allocation_counter::measure(|| {
                shown = view::<CloudEventsJson>(Partition(0), &stored, PREVIEW).to_string();
            });
            prop_assert!(taken.bytes_max <= 40 * size + (256 << 10), "{}", taken.bytes_max);
            // As base64 and as JSON's escapes each byte takes six at most.
            prop_assert!(shown.len() < 6 * (3 * 4_096 + 4 * 1_024) + 1_024, "{}", shown.len());
        }
    }
}
