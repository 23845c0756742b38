//! What the server says of a command with many statements.

use mongodb::bson::{Bson, Document};

use crate::error::Failure;

fn number(document: &Document, field: &str) -> Option<i64> {
    match document.get(field)? {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        Bson::Double(number) => {
            #[expect(clippy::cast_possible_truncation, reason = "a count, or a code, or an index")]
            let number = *number as i64;
            Some(number)
        }
        _ => None,
    }
}

/// How many documents were found by the statements of an update, or removed.
pub(crate) fn matched(answer: &Document) -> usize {
    number(answer, "n").and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
}

/// The statements that failed: which, the error's code and its text.
pub(crate) fn errors(answer: &Document) -> Vec<(usize, i32, String)> {
    let errors = answer.get_array("writeErrors").ok().into_iter().flatten();
    let error = |error: &Bson| {
        let error = error.as_document()?;
        let index = usize::try_from(number(error, "index")?).ok()?;
        let code = i32::try_from(number(error, "code")?).ok()?;
        Some((index, code, error.get_str("errmsg").unwrap_or("no reason given").to_owned()))
    };
    errors.filter_map(error).collect()
}

/// Whether the writes took place without as many servers knowing of them as was asked for.
pub(crate) fn unconfirmed(answer: &Document) -> Option<Failure> {
    let error = answer.get_document("writeConcernError").ok()?;
    let text = error.get_str("errmsg").unwrap_or("no reason given");
    Some(Failure::Unconfirmed(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn answers_are_read_whatever_type_their_numbers_have() {
        for answer in [
            doc! { "n": 3, "writeErrors": [{ "index": 1, "code": 11000, "errmsg": "dup" }] },
            doc! { "n": 3.0, "writeErrors": [{ "index": 1_i64, "code": 11000.0, "errmsg": "dup" }] },
        ] {
            assert_eq!(matched(&answer), 3);
            assert_eq!(errors(&answer), [(1, 11_000, "dup".to_owned())]);
            assert!(unconfirmed(&answer).is_none());
        }
        let late = doc! { "n": 1, "writeConcernError": { "code": 64, "errmsg": "slow" } };
        assert!(unconfirmed(&late).is_some_and(|failure| failure.is_passing()));
        assert_eq!((matched(&doc! {}), errors(&doc! {}).len()), (0, 0));
    }
}
