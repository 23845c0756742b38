//! The W3C trace context that an action carries through every service
//! (<https://www.w3.org/TR/trace-context/>).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use uuid::Uuid;

use crate::id::EventId;

/// A `traceparent` that does not follow the recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a W3C traceparent")]
pub struct InvalidTraceparent;

/// Which trace something belongs to, and which span in it came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
}

impl TraceContext {
    /// A new trace for an action that brought none.
    pub fn start(seed: Uuid) -> Self {
        Self { trace_id: *seed.as_bytes(), span_id: second_half(seed), flags: 1 }
    }

    /// The context of an event that carries none: derived from its id, so that all readers agree.
    pub fn derived(of: &EventId) -> Self {
        Self::start(of.as_namespace())
    }

    /// The same trace, with the event `id` as its newest span.
    #[must_use]
    pub fn child(&self, id: &EventId) -> Self {
        Self { span_id: second_half(id.as_namespace()), ..*self }
    }

    /// The trace id: 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> String {
        hex(&self.trace_id)
    }
}

/// The span id of a UUID: its random half. All zeros is no valid span id.
fn second_half(id: Uuid) -> [u8; 8] {
    let low = id.as_u64_pair().1;
    if low == 0 { [1; 8] } else { low.to_be_bytes() }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 0xf)]);
    }
    text
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let lower = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != N * 2 || !digits.iter().all(lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl FromStr for TraceContext {
    type Err = InvalidTraceparent;

    /// Reads version 00 exactly, and of later versions the part that they share with it.
    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        let mut parts = text.splitn(5, '-');
        let mut next = || parts.next().ok_or(InvalidTraceparent);
        let version = unhex::<1>(next()?).ok_or(InvalidTraceparent)?[0];
        let trace_id = unhex::<16>(next()?).ok_or(InvalidTraceparent)?;
        let span_id = unhex::<8>(next()?).ok_or(InvalidTraceparent)?;
        let flags = unhex::<1>(next()?).ok_or(InvalidTraceparent)?[0];
        let has_more = parts.next().is_some();
        let zero = trace_id == [0; 16] || span_id == [0; 8];
        if version == 0xff || (version == 0 && has_more) || zero {
            return Err(InvalidTraceparent);
        }
        Ok(Self { trace_id, span_id, flags })
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", hex(&self.trace_id), hex(&self.span_id), self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_reads_and_writes_back() {
        assert_eq!(EXAMPLE.parse::<TraceContext>().unwrap().to_string(), EXAMPLE);
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473ä-00f067aa0ba902b7-01",
        ] {
            assert_eq!(wrong.parse::<TraceContext>(), Err(InvalidTraceparent), "{wrong}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = EXAMPLE.replacen("00", "01", 1) + "-more";
        assert_eq!(later.parse::<TraceContext>().unwrap().to_string(), EXAMPLE);
    }

    #[test]
    fn a_child_stays_in_the_trace_and_is_always_the_same() {
        let trace: TraceContext = EXAMPLE.parse().unwrap();
        let id = EventId::try_from("e1".to_owned()).unwrap();
        assert_eq!(trace.child(&id), trace.child(&id));
        assert_eq!(trace.child(&id).trace_id(), trace.trace_id());
        assert_ne!(trace.child(&id), trace);
    }
}
