//! The attributes around an event, in the order they are written in.

use std::borrow::Cow;

use comptoir_domain::envelope::{Envelope, Payload};
use comptoir_domain::id::EventId;
use comptoir_domain::port::codec::Unreadable;
use comptoir_domain::time::Timestamp;
use comptoir_domain::trace::TraceContext;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::events::{self, Data};
use crate::problem::{self, field};
use crate::text::{Loose, Text};
use crate::timestamp::{self, Written};

const SPEC_VERSION: &str = "1.0";
const JSON: &str = "application/json";

/// An envelope on its way out; everything in it is borrowed.
#[derive(Debug, Serialize)]
pub(crate) struct EnvelopeOut<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: Written,
    #[serde(skip_serializing_if = "Option::is_none")]
    datacontenttype: Option<&'static str>,
    traceparent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receivedtime: Option<Written>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

impl<'a> EnvelopeOut<'a> {
    pub(crate) fn new(event: &'a Envelope, traceparent: &'a str) -> Self {
        // Of a foreign event only the envelope was read, so only that can be written again.
        let data = match &event.payload {
            Payload::Known(event) => Some(Data::from(event)),
            Payload::Foreign { .. } => None,
        };
        Self {
            specversion: SPEC_VERSION,
            id: event.id.as_str(),
            source: &event.source,
            kind: event.kind(),
            subject: event.subject.as_deref(),
            time: Written(event.time),
            datacontenttype: data.is_some().then_some(JSON),
            traceparent,
            correlationid: event.correlation.as_deref(),
            causationid: event.causation.as_ref().map(EventId::as_str),
            receivedtime: event.received.map(Written),
            data,
        }
    }
}

/// An envelope as it came in; attributes that are not named here are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct EnvelopeIn<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    id: String,
    source: String,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    subject: Option<String>,
    #[serde(borrow)]
    time: Option<Text<'a>>,
    #[serde(borrow, default)]
    traceparent: Loose<'a>,
    #[serde(borrow, default)]
    correlationid: Loose<'a>,
    #[serde(borrow, default)]
    causationid: Loose<'a>,
    #[serde(borrow, default)]
    receivedtime: Loose<'a>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl<'a> EnvelopeIn<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Unreadable> {
        let json = std::str::from_utf8(value).map_err(|error| Unreadable {
            problem: "it is not UTF-8".to_owned(),
            source: Some(error.into()),
        })?;
        problem::object(json).map_err(|misfit| misfit.of("the envelope"))
    }

    /// The event; `fallback` is its time if it names none.
    pub(crate) fn into_envelope(self, fallback: Timestamp) -> Result<Envelope, Unreadable> {
        if self.specversion != SPEC_VERSION {
            let problem = format!("`specversion` is {:?}, not 1.0", self.specversion);
            return Err(problem::plain(&problem));
        }
        for (name, text) in [("source", self.source.as_str()), ("type", &self.kind)] {
            if text.is_empty() {
                return Err(problem::plain(&format!("`{name}` is empty")));
            }
        }
        let wrong = |misfit: problem::Misfit| misfit.of("the envelope");
        let id = field("id", EventId::try_from(self.id)).map_err(wrong)?;
        let time = match &self.time {
            Some(Text(text)) => field("time", timestamp::parse(text)).map_err(wrong)?,
            None => fallback,
        };
        let payload = match events::read(&self.kind, self.data)? {
            Some(event) => Payload::Known(event),
            None => Payload::Foreign { kind: self.kind.into_owned() },
        };
        // Extensions are never a reason to refuse an event: what cannot be used is left out.
        let trace = self.traceparent.0.and_then(|text| text.parse().ok());
        let causation = self.causationid.0.map(Cow::into_owned);
        let received = self.receivedtime.0;
        Ok(Envelope {
            trace: trace.unwrap_or_else(|| TraceContext::derived(&id)),
            id,
            source: self.source,
            subject: self.subject,
            time,
            correlation: self.correlationid.0.map(Cow::into_owned),
            causation: causation.and_then(|id| EventId::try_from(id).ok()),
            received: received.and_then(|text| timestamp::parse(&text).ok()),
            payload,
        })
    }
}
