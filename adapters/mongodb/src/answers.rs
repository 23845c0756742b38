//! First answers to requests that carried an idempotency key, as parts of documents.

use comptoir_domain::idempotency::{Digest, FirstAnswer, IdempotencyKey};
use comptoir_domain::time::Timestamp;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, RawArrayBuf, RawDocumentBuf, doc, rawdoc};
use tokio::time::Instant;

use crate::document::Found;
use crate::error::{Failure, Malformed};
use crate::table::{Query, Table, Verb};
use crate::write::{errors, unconfirmed};

/// The most documents that are changed by one command.
const CHUNK: usize = 500;

/// Digests are text: some servers compare binary values slowly, or not at all.
pub(crate) fn key_text(key: IdempotencyKey) -> String {
    text(&key.0)
}

fn text(digest: &Digest) -> String {
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

fn parse(text: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    if text.len() != 2 * digest.len() || !text.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}

pub(crate) fn part(answer: &FirstAnswer) -> RawDocumentBuf {
    let FirstAnswer { key, request, answer, at } = answer;
    rawdoc! {
        "key": key_text(*key),
        "request": text(request),
        "answer": Binary { subtype: BinarySubtype::Generic, bytes: answer.clone() },
        "at": at.as_millis(),
    }
}

/// The answer in that part of a document, if it is there.
pub(crate) fn read(found: Found<'_>, field: &str) -> Result<Option<FirstAnswer>, Malformed> {
    let Some(part) = found.part(field)? else {
        return Ok(None);
    };
    let digest = |field: &str| {
        let digest = parse(found.accept(part.get_str(field))?);
        digest.ok_or_else(|| found.wrong(&format!("`{field}` of an answer is no digest")))
    };
    Ok(Some(FirstAnswer {
        key: IdempotencyKey(digest("key")?),
        request: digest("request")?,
        answer: found.accept(part.get_binary("answer"))?.bytes.to_vec(),
        at: Timestamp::from_millis(found.accept(part.get_i64("at"))?),
    }))
}

/// The documents whose answers were given before a moment, oldest first.
pub(crate) fn old(field: &str, before: Timestamp, limit: usize) -> Query {
    // To MongoDB, a limit of none is no limit: then nothing is to be found.
    let before = if limit == 0 { i64::MIN } else { before.as_millis() };
    Query {
        filter: doc! { field: { "$lt": before } },
        sort: doc! { field: 1 },
        limit: Some(limit),
        ..Query::default()
    }
    .only(&["version", field])
}

/// Runs statements that forget answers.
pub(crate) async fn forget(
    table: &Table,
    verb: Verb,
    statements: impl Iterator<Item = RawDocumentBuf>,
    deadline: Instant,
) -> Result<(), Failure> {
    let statements: Vec<_> = statements.collect();
    for chunk in statements.chunks(CHUNK) {
        let mut list = RawArrayBuf::new();
        for statement in chunk {
            list.push(statement);
        }
        let answer = table.write(verb, list, deadline).await?;
        if let Some(failure) = unconfirmed(&answer) {
            return Err(failure);
        }
        if let Some((_, _, text)) = errors(&answer).pop() {
            return Err(Failure::RefusedWrite(text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_come_back_and_nothing_else_is_one() {
        let digest: Digest = std::array::from_fn(|at| u8::try_from(at * 8).unwrap());
        assert_eq!(parse(&text(&digest)), Some(digest));
        for wrong in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64), &"ü".repeat(32)]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
