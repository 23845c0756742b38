//! Whatever stands on a topic: an event or an error, for memory in proportion.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::Path;

use comptoir_domain::envelope::{Envelope, Payload};
use comptoir_domain::port::codec::{EventCodec, Unreadable};
use comptoir_domain::record::Record;
use comptoir_testkit::damage::{any_json, damaged};
use comptoir_wire::CloudEventsJson;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

/// What reading takes for each byte, and beside: a line's field takes a hundred bytes of six.
const TIMES: u64 = 32;
const BESIDE: u64 = 64 << 10;
/// A problem ends up in a header and on a page.
const LONGEST_PROBLEM: usize = 1_000;
/// Names that others may use for something else (CloudEvents §3.1).
const EXTENSIONS: [&str; 5] =
    ["traceparent", "correlationid", "causationid", "receivedtime", "partitionkey"];

fn golden() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files =
        [folder.join("others"), folder].into_iter().flat_map(|at| fs::read_dir(at).unwrap());
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let mut files: Vec<_> = files.map(|path| fs::read(path).unwrap()).collect();
    files.sort();
    files
}

fn record(value: Vec<u8>) -> Record {
    Record { value: Some(value), ..Record::default() }
}

fn decode(value: Vec<u8>) -> Result<Result<Envelope, Unreadable>, TestCaseError> {
    let length = value.len() as u64;
    let record = record(value);
    let mut read = None;
    let taken = allocation_counter::measure(|| read = Some(CloudEventsJson::decode(&record)));
    prop_assert!(taken.bytes_max <= TIMES * length + BESIDE, "{} for {length}", taken.bytes_max);
    let read = read.unwrap();
    match &read {
        Err(unreadable) => prop_assert!(unreadable.problem.len() <= LONGEST_PROBLEM),
        Ok(envelope) => stays(envelope)?,
    }
    Ok(read)
}

/// What was read once is read the same after it was written again.
fn stays(envelope: &Envelope) -> Result<(), TestCaseError> {
    let again = CloudEventsJson::decode(&CloudEventsJson::encode(envelope, None));
    prop_assert_eq!(&again.unwrap(), envelope);
    Ok(())
}

/// The JSON with one member more, or another value for one, wherever that is.
fn with(event: &mut Value, at: &[usize], name: &str, json: &Value) {
    let Some(members) = event.as_object_mut() else { return };
    match at.split_first() {
        Some((step, deeper)) if !members.is_empty() => {
            let step = step % members.len();
            let (name, member) = members.iter_mut().nth(step).unwrap();
            if member.is_object() && !deeper.is_empty() {
                with(member, deeper, name.clone().as_str(), json);
            } else {
                *member = json.clone();
            }
        }
        _ => drop(members.insert(name.to_owned(), json.clone())),
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_event_or_an_error(value in vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(value)?.is_err());
    }

    #[test]
    fn any_json_is_an_event_or_an_error(json in any_json()) {
        prop_assert!(decode(json.into_bytes())?.is_err());
    }

    #[test]
    fn a_damaged_event_is_an_event_or_an_error(value in damaged(golden())) {
        let _ = decode(value)?;
    }

    #[test]
    fn a_member_of_any_kind_is_taken_or_named(
        file in select(golden()),
        at in vec(any::<usize>(), 0..3),
        json in any_json(),
    ) {
        // As text, since a value that was parsed once has lost what a parser cannot say.
        let mut event: Value = serde_json::from_slice(&file).unwrap();
        with(&mut event, &at, "added", &Value::from("\u{1}here"));
        let text = event.to_string().replace("\"\\u0001here\"", &json);
        let _ = decode(text.into_bytes())?;
    }

    /// Whoever uses the name of an extension for something else still tells an event.
    #[test]
    fn an_extension_of_any_kind_is_no_reason_to_refuse(
        file in select(golden()),
        name in select(EXTENSIONS.to_vec()),
        json in any_json(),
    ) {
        let mut event: Value = serde_json::from_slice(&file).unwrap();
        event[name] = "\u{1}here".into();
        let text = event.to_string().replace("\"\\u0001here\"", &json);
        let read = decode(text.into_bytes())?;
        prop_assert!(read.is_ok(), "{:?}", read);
    }

    #[test]
    fn a_line_of_many_fields_takes_memory_in_proportion(fields in 0..400_usize) {
        let fields: Vec<_> = (0..fields).map(|n| format!("\"{n:x}\":1")).collect();
        let line = golden().into_iter().map(String::from_utf8).map(Result::unwrap);
        let line = line.into_iter().find(|file| file.contains("log.written")).unwrap();
        let mut event: Value = serde_json::from_str(&line).unwrap();
        event["data"]["fields"] = "\u{1}here".into();
        let text = event.to_string().replace("\"\\u0001here\"", &format!("{{{}}}", fields.join(",")));
        let read = decode(text.into_bytes())?;
        prop_assert!(matches!(read.unwrap().payload, Payload::Known(_)));
    }
}
