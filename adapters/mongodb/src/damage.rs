//! Documents as nobody should have stored them.

use comptoir_testkit::damage::damaged;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::document::Found;
use crate::error::Malformed;

/// What reading takes for each byte of a document, and beside.
const TIMES: u64 = 32;
const BESIDE: u64 = 64 << 10;
/// Malformed documents are told of in the program's log.
const LONGEST_PROBLEM: usize = 1_000;

pub(crate) const PAYMENT: &str = "0192d3a4-0000-7000-8000-0000000000aa";

/// A valid document around a state.
pub(crate) fn document(id: &str, state: Document) -> Document {
    let events = doc! { "2999": event() };
    doc! {
        "_id": id, "version": 2_i64, "schema": 1, "write_ids": { "2": ObjectId::new() },
        "state": state, "outbox": events, "pending_since": 1_i64,
    }
}

pub(crate) fn event() -> Document {
    let json =
        r#"{"specversion":"1.0","id":"e","source":"s","type":"t","time":"2026-02-03T04:05:06Z"}"#;
    doc! { "time": 1_i64, "topics": ["notifications", "inventories"], "event": json }
}

fn any_bson() -> impl Strategy<Value = Bson> {
    let numbers = select(vec![i64::MIN, -1, 0, 1, 2, 1 << 53, i64::MAX]);
    let leaf = prop_oneof![
        Just(Bson::Null),
        any::<bool>().prop_map(Bson::Boolean),
        any::<i32>().prop_map(Bson::Int32),
        numbers.prop_map(Bson::Int64),
        any::<f64>().prop_map(Bson::Double),
        ".{0,20}".prop_map(Bson::String),
        (1_000..20_000_usize).prop_map(|length| Bson::String("x".repeat(length))),
        any::<[u8; 12]>().prop_map(|id| Bson::ObjectId(ObjectId::from_bytes(id))),
        (0..2_000_usize).prop_map(|length| Bson::Array(vec![Bson::Int32(0); length])),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let fields = vec(("[a-z0-9]{0,6}", inner.clone()), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Bson::Array),
            fields.prop_map(|fields| Bson::Document(fields.into_iter().collect())),
        ]
    })
}

/// Another value in some place of the document, or none.
fn change(document: &mut Document, path: &[usize], value: Option<Bson>) {
    let Some((step, deeper)) = path.split_first() else { return };
    let Some(name) = document.keys().nth(step % document.len().max(1)).cloned() else { return };
    match document.get_mut(&name) {
        Some(Bson::Document(part)) if !deeper.is_empty() => change(part, deeper, value),
        _ => match value {
            Some(value) => drop(document.insert(name, value)),
            None => drop(document.remove(&name)),
        },
    }
}

/// The documents with a few values that do not belong there, and with a few wrong bytes.
pub(crate) fn documents(valid: Vec<Document>) -> impl Strategy<Value = RawDocumentBuf> {
    let bytes = |document: &Document| document.to_vec().unwrap();
    let samples: Vec<_> = valid.iter().map(bytes).collect();
    // What a driver gives out has its length right and ends with a zero: nothing else was looked at.
    let broken = damaged(samples).prop_filter_map("a document", |mut bytes| {
        let length = i32::try_from(bytes.len()).ok()?;
        bytes.get_mut(..4)?.copy_from_slice(&length.to_le_bytes());
        *bytes.last_mut()? = 0;
        RawDocumentBuf::from_bytes(bytes).ok()
    });
    let changes = vec((vec(any::<usize>(), 1..4), prop::option::of(any_bson())), 1..4);
    let misfits = (select(valid), changes).prop_filter_map("encoded", |(mut document, changes)| {
        for (path, value) in changes {
            change(&mut document, &path, value);
        }
        RawDocumentBuf::try_from(&document).ok()
    });
    let any_fields = vec(("[a-z_]{0,8}", any_bson()), 0..6);
    let any = any_fields.prop_filter_map("encoded", |fields| {
        RawDocumentBuf::try_from(&fields.into_iter().collect::<Document>()).ok()
    });
    prop_oneof![3 => broken, 4 => misfits, 1 => any]
}

/// Reads the document: a value, or a short account of why not, for memory in proportion.
pub(crate) fn reads<T>(
    document: &RawDocumentBuf,
    read: impl Fn(Found<'_>) -> Result<T, Malformed>,
) -> Result<Option<T>, TestCaseError> {
    let length = document.as_bytes().len() as u64;
    let mut found = None;
    let taken = allocation_counter::measure(|| found = Some(read(Found::new("thing", document))));
    prop_assert!(taken.bytes_max <= TIMES * length + BESIDE, "{} for {length}", taken.bytes_max);
    match found {
        Some(Err(malformed)) => {
            let told = malformed.to_string().chars().count();
            prop_assert!(told <= LONGEST_PROBLEM, "{} characters", told);
            Ok(None)
        }
        Some(Ok(value)) => Ok(Some(value)),
        None => Ok(None),
    }
}
