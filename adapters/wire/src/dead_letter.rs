//! Records that nobody could handle, with the account of why.

use comptoir_domain::port::codec::{DeadLetter, DeadRecord, NoDeadLetter, StoredLetter};
use comptoir_domain::record::{Position, Record};
use comptoir_domain::topic::{GroupId, Offset, Partition, Topic, TopicPartition};

use crate::problem::one_line;
use crate::timestamp::{self, Written};
use crate::{headers, replay};

/// Error chains can quote what they choked on; a header should not.
const MAX_REASON_CHARS: usize = 1_000;

/// The account, in the order in which it stands behind the original's headers.
const ACCOUNT: [&str; 7] = [
    headers::DLQ_REASON,
    headers::DLQ_ATTEMPTS,
    headers::DLQ_TOPIC,
    headers::DLQ_PARTITION,
    headers::DLQ_OFFSET,
    headers::DLQ_TIME,
    headers::DLQ_GROUP,
];

/// The original with the letter's headers behind its own. Headers of an earlier death (of a record
/// that was replayed) give way, so that each name stands there once. The record's time is that of
/// the letter, because retention counts from it.
pub(crate) fn write(original: &Record, letter: &DeadLetter, value: Option<Vec<u8>>) -> Record {
    let kept = original.headers.iter();
    let mut headers: Vec<_> = kept.filter(|(name, _)| !is_ours(name)).cloned().collect();
    let at = &letter.source.at;
    let account = [
        one_line(&letter.reason, MAX_REASON_CHARS),
        letter.attempts.to_string(),
        at.topic.to_string(),
        at.partition.to_string(),
        letter.source.offset.to_string(),
        Written(letter.time).to_string(),
        letter.group.to_string(),
    ];
    let account = ACCOUNT.into_iter().zip(account);
    headers.extend(account.map(|(name, value)| (name.to_owned(), value.into_bytes())));
    Record { key: original.key.clone(), value, headers, time: letter.time }
}

/// The same with at most `bytes` of the value, and a header with the length it had.
pub(crate) fn write_cut(original: &Record, letter: &DeadLetter, bytes: usize) -> Record {
    let value = original.value.as_deref();
    let cut = value.map(|value| value[..bytes.min(value.len())].to_vec());
    let mut record = write(original, letter, cut);
    let length = value.map_or(0, <[u8]>::len).to_string().into_bytes();
    let truncated = headers::DLQ_TRUNCATED.to_owned();
    record.headers.push((truncated, length));
    record
}

fn is_ours(name: &str) -> bool {
    ACCOUNT.contains(&name) || [headers::DLQ_TRUNCATED, headers::DLQ_REPLAYED].contains(&name)
}

/// What [`write()`], [`write_cut`] or [`replay::write_note`] wrote. Only the last headers are looked at:
/// whatever stands before them is the original's.
pub(crate) fn read(record: &Record) -> Result<DeadRecord, NoDeadLetter> {
    if let Some(replay) = replay::read_note(record)? {
        return Ok(DeadRecord::Replayed(replay));
    }
    let (rest, cut_from) = match record.headers.split_last() {
        Some(((name, length), rest)) if name == headers::DLQ_TRUNCATED => {
            (rest, Some(number(length, "dlq-truncated is no number")?))
        }
        _ => (record.headers.as_slice(), None),
    };
    let (own, [reason, attempts, topic, partition, offset, time, group]) = last(rest, &ACCOUNT)
        .ok_or(NoDeadLetter { problem: "the headers that tell of a dead letter are missing" })?;
    let time = text(time).and_then(|time| timestamp::parse(time).ok());
    let letter = DeadLetter {
        reason: String::from_utf8_lossy(reason).into_owned(),
        attempts: number(attempts, "dlq-attempts is no number")?,
        source: position(topic, partition, offset)?,
        group: text(group)
            .and_then(|name| GroupId::try_from(name).ok())
            .ok_or(NoDeadLetter { problem: "dlq-group is no name of a group" })?,
        time: time.ok_or(NoDeadLetter { problem: "dlq-time is no time" })?,
    };
    let (own, replays) = replay::take_count(own);
    let original = Record {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: own,
        time: record.time,
    };
    Ok(DeadRecord::Letter(StoredLetter { letter, original, replays, cut_from }))
}

type Header = (String, Vec<u8>);

/// The values of the last headers, if those are their names, and the headers before them.
pub(crate) fn last<'a, const N: usize>(
    all: &'a [Header],
    names: &[&str; N],
) -> Option<(&'a [Header], [&'a [u8]; N])> {
    let (before, account) = all.split_last_chunk::<N>()?;
    let matching = account.iter().zip(names).all(|((name, _), wanted)| name == wanted);
    matching.then(|| (before, account.each_ref().map(|(_, value)| value.as_slice())))
}

/// The place that three headers name.
pub(crate) fn position(
    topic: &[u8],
    partition: &[u8],
    offset: &[u8],
) -> Result<Position, NoDeadLetter> {
    let topic = text(topic)
        .and_then(|name| Topic::try_from(name).ok())
        .ok_or(NoDeadLetter { problem: "dlq-topic is no name of a topic" })?;
    let partition = Partition(number(partition, "dlq-partition is no number")?);
    let offset = Offset(number(offset, "dlq-offset is no number")?);
    Ok(Position { at: TopicPartition { topic, partition }, offset })
}

pub(crate) fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn number<T: std::str::FromStr>(value: &[u8], problem: &'static str) -> Result<T, NoDeadLetter> {
    text(value).and_then(|digits| digits.parse().ok()).ok_or(NoDeadLetter { problem })
}
