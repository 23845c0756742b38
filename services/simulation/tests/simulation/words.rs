//! Short names for the history.

use comptoir_domain::envelope::Envelope;
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::platform::Log;
use comptoir_domain::record::Record;
use comptoir_memory::Memory;

pub(crate) type Codec = <Memory as Log>::Codec;

/// The end of an id, which is random enough to tell it from the others.
pub(crate) fn brief(id: &impl ToString) -> String {
    let text = id.to_string();
    let tail = text.len().saturating_sub(6);
    text.get(tail..).unwrap_or(&text).to_owned()
}

/// `payment.requested` for `comptoir.payment.requested.v1`.
pub(crate) fn kind(full: &str) -> &str {
    let bare = full.strip_prefix("comptoir.").unwrap_or(full);
    bare.strip_suffix(".v1").unwrap_or(bare)
}

/// An event and what it is about.
pub(crate) fn event(envelope: &Envelope) -> String {
    let about = envelope.subject.as_ref().map(brief).unwrap_or_default();
    format!("{} of {about}", kind(envelope.kind()))
}

/// The event of a record.
pub(crate) fn record(record: &Record) -> String {
    match Codec::decode(record) {
        Ok(envelope) => event(&envelope),
        Err(unreadable) => unreadable.to_string(),
    }
}

/// How a call ended, with the cause of what went wrong.
pub(crate) fn outcome<T, E: std::error::Error>(result: &Result<T, E>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => match error.source() {
            Some(cause) => format!("FAILS: {error}: {cause}"),
            None => format!("FAILS: {error}"),
        },
    }
}
