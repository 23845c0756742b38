//! Dead letters that were put back on their topic: the record there, and the note that it was done.

use comptoir_domain::port::codec::{NoDeadLetter, Replay, StoredLetter};
use comptoir_domain::record::{Position, Record};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, Partition};

use crate::dead_letter::{last, position, text};
use crate::headers;
use crate::timestamp::{self, Written};

/// All headers of a note.
const NOTE: [&str; 5] = [
    headers::DLQ_TOPIC,
    headers::DLQ_PARTITION,
    headers::DLQ_OFFSET,
    headers::DLQ_TIME,
    headers::DLQ_REPLAYED,
];

/// The original with the count behind its headers.
pub(crate) fn write(stored: &StoredLetter, time: Timestamp) -> Record {
    let mut record = Record { time, ..stored.original.clone() };
    let count = stored.replays.saturating_add(1).to_string();
    record.headers.push((headers::DLQ_REPLAYS.to_owned(), count.into_bytes()));
    record
}

/// Headers without the count, and the count: the last one, should there be several.
pub(crate) fn take_count(all: &[(String, Vec<u8>)]) -> (Vec<(String, Vec<u8>)>, u32) {
    let is_count = |(name, _): &&(String, Vec<u8>)| name == headers::DLQ_REPLAYS;
    let last = all.iter().rfind(is_count);
    let count = last.and_then(|(_, value)| text(value)?.parse().ok());
    let rest = all.iter().filter(|header| !is_count(header)).cloned().collect();
    (rest, count.unwrap_or(0))
}

/// An empty value, and not none: compaction would take that for a removal of the letter.
pub(crate) fn write_note(key: Option<&[u8]>, replay: &Replay) -> Record {
    let Replay { source, to, time } = replay;
    let account = [
        source.at.topic.to_string(),
        source.at.partition.to_string(),
        source.offset.to_string(),
        Written(*time).to_string(),
        format!("{}:{}", to.at.partition, to.offset),
    ];
    let account = NOTE.into_iter().zip(account);
    Record {
        key: key.map(<[u8]>::to_vec),
        value: Some(Vec::new()),
        headers: account.map(|(name, value)| (name.to_owned(), value.into_bytes())).collect(),
        time: *time,
    }
}

/// What [`write_note`] wrote; `None` if it is no note.
pub(crate) fn read_note(record: &Record) -> Result<Option<Replay>, NoDeadLetter> {
    let Some((_, [topic, partition, offset, time, to])) = last(&record.headers, &NOTE) else {
        return Ok(None);
    };
    let source = position(topic, partition, offset)?;
    let time = text(time).and_then(|time| timestamp::parse(time).ok());
    let time = time.ok_or(NoDeadLetter { problem: "dlq-time is no time" })?;
    let to = text(to).and_then(|place| {
        let (partition, offset) = place.split_once(':')?;
        let mut at = source.at.clone();
        at.partition = Partition(partition.parse().ok()?);
        Some(Position { at, offset: Offset(offset.parse().ok()?) })
    });
    let to = to.ok_or(NoDeadLetter { problem: "dlq-replayed is no place" })?;
    Ok(Some(Replay { source, to, time }))
}
