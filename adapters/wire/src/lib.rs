//! Events as CloudEvents 1.0 structured JSON; the only place that knows field and header names.
//!
//! Sources: CloudEvents 1.0.2 (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>),
//! its JSON format (`formats/json-format.md`), its Kafka binding in structured mode
//! (`bindings/kafka-protocol-binding.md`) and its distributed tracing extension
//! (`extensions/distributed-tracing.md`), all in the same repository; RFC 3339 for times.
//!
//! A type carries its version, and a version never changes its meaning: fields may be added, and are
//! ignored by those who do not know them. Every version that was ever written has a golden file
//! under `tests/golden`.
#![warn(missing_docs, missing_debug_implementations)]

mod dead_letter;
mod envelope;
mod events;
pub mod headers;
mod problem;
mod replay;
mod text;
mod timestamp;

use comptoir_domain::envelope::Envelope;
use comptoir_domain::port::codec::{
    DeadLetter, DeadRecord, EventCodec, NoDeadLetter, Replay, StoredLetter, Unreadable,
};
use comptoir_domain::record::Record;
use comptoir_domain::time::Timestamp;

use crate::envelope::{EnvelopeIn, EnvelopeOut};

/// Writes and reads structured JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CloudEventsJson;

/// Most events fit, so that writing one grows its buffer at most once.
const USUAL_BYTES: usize = 1_024;

impl EventCodec for CloudEventsJson {
    fn encode(event: &Envelope, key: Option<&[u8]>) -> Record {
        let traceparent = event.trace.to_string();
        let mut value = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut value, &EnvelopeOut::new(event, &traceparent))
            .expect("a Vec takes every byte, and every map here has text keys");
        Record {
            key: key.map(<[u8]>::to_vec),
            value: Some(value),
            headers: vec![
                (headers::CONTENT_TYPE.to_owned(), headers::CLOUDEVENTS_JSON.as_bytes().to_vec()),
                (headers::TRACEPARENT.to_owned(), traceparent.into_bytes()),
            ],
            time: event.time,
        }
    }

    /// The headers are not looked at: whoever produces by hand may leave them out, and the value
    /// says the same.
    fn decode(record: &Record) -> Result<Envelope, Unreadable> {
        let value =
            record.value.as_deref().ok_or_else(|| problem::plain("there is none (a tombstone)"))?;
        EnvelopeIn::parse(value)?.into_envelope(record.time)
    }

    fn dead_letter(original: &Record, letter: &DeadLetter) -> Record {
        dead_letter::write(original, letter, original.value.clone())
    }

    fn dead_letter_cut(original: &Record, letter: &DeadLetter, bytes: usize) -> Record {
        dead_letter::write_cut(original, letter, bytes)
    }

    fn read_dead(record: &Record) -> Result<DeadRecord, NoDeadLetter> {
        dead_letter::read(record)
    }

    fn replayed(stored: &StoredLetter, time: Timestamp) -> Record {
        replay::write(stored, time)
    }

    fn replay_note(key: Option<&[u8]>, replay: &Replay) -> Record {
        replay::write_note(key, replay)
    }
}
