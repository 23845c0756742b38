//! The row of one owner's outbox.
//!
//! | bytes | what                                             |
//! |-------|--------------------------------------------------|
//! | 1     | version of this format: 1                        |
//! | each  | sequence u64, time of the event i64, length u32, entry |
//!
//! An entry is the number of topics u32, each topic's name with its length u32, and the event as a
//! record ([`crate::log::record`]) of the codec. Numbers are little-endian.

use comptoir_domain::outbox::{OutboxEntry, Sequence};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::Topic;
use comptoir_wire::CloudEventsJson;

use crate::bytes::{Rest, length};
use crate::error::Malformed;
use crate::log::record;

const VERSION: u8 = 1;
const WHAT: &str = "an outbox";

/// An entry as a row holds it; made in the caller's task.
pub(crate) struct Encoded {
    time: Timestamp,
    bytes: Vec<u8>,
}

impl Encoded {
    pub(crate) fn all(entries: &[OutboxEntry]) -> Vec<Self> {
        entries.iter().map(Self::new).collect()
    }

    fn new(entry: &OutboxEntry) -> Self {
        let event = CloudEventsJson::encode(&entry.envelope, None);
        let mut bytes = Vec::with_capacity(64 + record::encoded_len(&event));
        bytes.extend(length(entry.topics.len()));
        for topic in &entry.topics {
            bytes.extend(length(topic.as_str().len()));
            bytes.extend_from_slice(topic.as_str().as_bytes());
        }
        record::encode(&event, &mut bytes);
        Self { time: entry.envelope.time, bytes }
    }

    /// How much it adds to a write.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

fn decode(bytes: &[u8]) -> Result<OutboxEntry, Malformed> {
    let mut rest = Rest::new(bytes, WHAT);
    let mut topics = Vec::new();
    for _ in 0..rest.length()? {
        let name = rest.length()?;
        let topic = Topic::try_from(rest.text(name)?);
        topics.push(topic.map_err(|error| Malformed::new(WHAT, error.to_string()))?);
    }
    let record = record::decode(rest.take(rest.len())?)?;
    let envelope = CloudEventsJson::decode(&record);
    Ok(OutboxEntry {
        envelope: envelope.map_err(|error| Malformed::new(WHAT, error.to_string()))?,
        topics,
    })
}

/// An owner's entries, oldest first.
#[derive(Default)]
pub(super) struct Row(Vec<Entry>);

struct Entry {
    sequence: u64,
    time: Timestamp,
    bytes: Vec<u8>,
}

impl Row {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Rest::new(bytes, WHAT);
        rest.version(VERSION)?;
        let mut entries = Vec::new();
        while rest.len() > 0 {
            let sequence = u64::from_le_bytes(rest.array()?);
            let time = Timestamp::from_millis(i64::from_le_bytes(rest.array()?));
            let bytes = rest.length()?;
            entries.push(Entry { sequence, time, bytes: rest.take(bytes)?.to_vec() });
        }
        Ok(Self(entries))
    }

    pub(super) fn push(&mut self, sequence: u64, entry: &Encoded) {
        self.0.push(Entry { sequence, time: entry.time, bytes: entry.bytes.clone() });
    }

    pub(super) fn remove_through(&mut self, sequence: u64) {
        self.0.retain(|entry| entry.sequence > sequence);
    }

    /// The time of the oldest event; `None` if there is none.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.0.iter().map(|entry| entry.time).min()
    }

    pub(super) fn entries(&self) -> Result<Vec<(Sequence, OutboxEntry)>, Malformed> {
        let entry = |entry: &Entry| Ok((Sequence(entry.sequence), decode(&entry.bytes)?));
        self.0.iter().map(entry).collect()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        let total: usize = self.0.iter().map(|entry| 20 + entry.bytes.len()).sum();
        let mut bytes = Vec::with_capacity(1 + total);
        bytes.push(VERSION);
        for entry in &self.0 {
            bytes.extend(entry.sequence.to_le_bytes());
            bytes.extend(entry.time.as_millis().to_le_bytes());
            bytes.extend(length(entry.bytes.len()));
            bytes.extend_from_slice(&entry.bytes);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use comptoir_testkit::builders::an_envelope;
    use proptest::prelude::*;

    use super::*;

    fn row(entries: &[(u64, i64)]) -> Row {
        let entry = |&(sequence, millis): &(u64, i64)| Entry {
            sequence,
            time: Timestamp::from_millis(millis),
            bytes: sequence.to_le_bytes().to_vec(),
        };
        Row(entries.iter().map(entry).collect())
    }

    #[test]
    fn what_is_removed_is_gone_and_the_rest_stays() {
        let mut row = row(&[(1, 30), (2, 10), (5, 20)]);
        assert_eq!(row.oldest(), Some(Timestamp::from_millis(10)));
        row.remove_through(2);
        assert_eq!(row.oldest(), Some(Timestamp::from_millis(20)));
        let back = Row::read(&row.into_bytes()).unwrap();
        assert_eq!(back.0.len(), 1);
        assert_eq!((back.0[0].sequence, &back.0[0].bytes[..]), (5, &5_u64.to_le_bytes()[..]));
    }

    /// A row of real entries.
    fn full(count: u64) -> Vec<u8> {
        let mut row = Row::default();
        for sequence in 0..count {
            let entry = an_envelope().waiting_for(&["notifications", "inventories"]);
            row.push(sequence, &Encoded::new(&entry));
        }
        row.into_bytes()
    }

    fn read(bytes: &[u8]) -> Result<Vec<(Sequence, OutboxEntry)>, Malformed> {
        Row::read(bytes)?.entries()
    }

    #[test]
    fn entries_come_back() {
        let entries = read(&full(3)).unwrap();
        assert!(entries.iter().map(|(sequence, _)| sequence.0).eq(0..3));
        let topics: Vec<_> = entries[0].1.topics.iter().map(Topic::as_str).collect();
        assert_eq!(topics, ["notifications", "inventories"]);
    }

    proptest! {
        #[test]
        fn a_cut_row_has_fewer_entries_or_is_none(count in 1..4_u64, at: prop::sample::Index) {
            let whole = full(count);
            let cut = &whole[..at.index(whole.len())];
            if let Ok(entries) = read(cut) {
                prop_assert!((entries.len() as u64) < count);
            }
        }

        #[test]
        fn a_damaged_row_is_read_without_panic(count in 1..4_u64, at: prop::sample::Index, byte: u8) {
            let mut row = full(count);
            let at = at.index(row.len());
            row[at] = byte;
            if let Ok(entries) = read(&row) {
                prop_assert!(entries.len() as u64 <= count, "no entry is made of nothing");
            }
        }

        #[test]
        fn any_bytes_give_entries_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut with_version = vec![VERSION];
            with_version.extend(&bytes);
            for bytes in [bytes, with_version] {
                let _ = Row::read(&bytes).and_then(|row| row.entries());
                let _ = decode(&bytes);
            }
        }
    }
}
