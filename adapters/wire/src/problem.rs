//! What is wrong with a record, said in one bounded line: it ends up in a header and on a page.

use std::fmt::Display;

use comptoir_domain::port::codec::Unreadable;
use serde::Deserialize;
use thiserror::Error;

/// How much of a problem is told: serde repeats the offending text, which may be a megabyte of somebody else's.
const MAX_CHARS: usize = 200;

/// A problem that no parser reported.
pub(crate) fn plain(problem: &str) -> Unreadable {
    Unreadable { problem: one_line(problem, MAX_CHARS), source: None }
}

/// A JSON object that is not the one it should be.
#[derive(Debug, Error)]
pub(crate) enum Misfit {
    /// Not JSON, or not of this shape.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but no object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// A field whose value the domain refuses.
    #[error("`{name}`: {why}")]
    Field { name: &'static str, why: String },
}

impl Misfit {
    /// A field that is only sometimes there, missing where it has to be.
    pub(crate) fn missing(name: &'static str) -> Self {
        Self::Field { name, why: "it is missing".to_owned() }
    }

    /// The problem with `what`. A parser's account of broken JSON stays a source; an account of what
    /// does not fit is the problem itself.
    pub(crate) fn of(self, what: &str) -> Unreadable {
        match self {
            Self::Json(error) if !error.is_data() => Unreadable {
                problem: one_line(&format!("{what} is not JSON"), MAX_CHARS),
                source: Some(error.into()),
            },
            misfit => plain(&format!("{what} does not fit: {misfit}")),
        }
    }
}

/// Turns a domain's refusal into one that names the field.
pub(crate) fn field<T, E: Display>(name: &'static str, read: Result<T, E>) -> Result<T, Misfit> {
    read.map_err(|why| Misfit::Field { name, why: why.to_string() })
}

/// Reads an object. Without the first check an array of the right values would pass too: serde reads
/// structs from sequences.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Misfit> {
    let first = json.trim_start_matches([' ', '\t', '\r', '\n']).as_bytes();
    match first.first() {
        None | Some(b'{') => Ok(serde_json::from_str(json)?),
        // Broken JSON is reported as such; whatever is left is another kind of value.
        Some(_) => match serde_json::from_str::<serde::de::IgnoredAny>(json) {
            Ok(_) => Err(Misfit::NotAnObject),
            Err(error) => Err(error.into()),
        },
    }
}

/// The text without control characters, cut at `max` characters.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = text.chars().take(max).map(shown).collect();
    if text.chars().nth(max).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_bounded_line() {
        assert_eq!(plain("a\nb\u{1b}[0m").problem, "a b [0m");
        let long = plain(&"ä".repeat(10_000)).problem;
        assert_eq!(long.chars().count(), MAX_CHARS + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn broken_json_keeps_its_parser_s_error() {
        let broken = object::<serde::de::IgnoredAny>("{\"a\":").unwrap_err();
        assert!(broken.of("the value").source.is_some());
        let other = object::<serde::de::IgnoredAny>("[]").unwrap_err();
        assert!(matches!(other, Misfit::NotAnObject));
    }
}
