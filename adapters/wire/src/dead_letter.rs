//! Records that nobody could handle, with the account of why.

use comptoir_domain::port::codec::DeadLetter;
use comptoir_domain::record::Record;

use crate::headers;
use crate::problem::one_line;
use crate::timestamp::Written;

/// Error chains can quote what they choked on; a header should not.
const MAX_REASON_CHARS: usize = 1_000;

/// The original with the letter's headers behind its own. Headers of an earlier death (of a record
/// that was replayed) give way, so that each name stands there once. The record's time is that of
/// the letter, because retention counts from it.
pub(crate) fn write(original: &Record, letter: &DeadLetter, value: Option<Vec<u8>>) -> Record {
    let kept = original.headers.iter();
    let mut headers: Vec<_> = kept.filter(|(name, _)| !is_ours(name)).cloned().collect();
    let at = &letter.source.at;
    headers.extend(
        [
            (headers::DLQ_REASON, one_line(&letter.reason, MAX_REASON_CHARS)),
            (headers::DLQ_ATTEMPTS, letter.attempts.to_string()),
            (headers::DLQ_TOPIC, at.topic.to_string()),
            (headers::DLQ_PARTITION, at.partition.to_string()),
            (headers::DLQ_OFFSET, letter.source.offset.to_string()),
            (headers::DLQ_TIME, Written(letter.time).to_string()),
            (headers::DLQ_GROUP, letter.group.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value.into_bytes())),
    );
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
    [
        headers::DLQ_REASON,
        headers::DLQ_ATTEMPTS,
        headers::DLQ_TOPIC,
        headers::DLQ_PARTITION,
        headers::DLQ_OFFSET,
        headers::DLQ_TIME,
        headers::DLQ_GROUP,
        headers::DLQ_TRUNCATED,
        headers::DLQ_REPLAYED,
    ]
    .contains(&name)
}
