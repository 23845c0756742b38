//! `docs/limits.md` says what the code says: every limit that it names has that value there, and every
//! number or time that the code names is in it, or here with the reason why it limits nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod code;
mod exempt;
mod expression;
mod table;
mod value;

use std::collections::BTreeMap;

use crate::exempt::EXEMPT;
use crate::table::Row;
use crate::value::Value;

fn documented() -> Vec<Row> {
    table::read(&code::root().join("docs/limits.md"))
}

/// Each complaint a line, all of them at once.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_limit_in_the_table_has_that_value_in_the_code() {
    let named = code::named();
    let wrong = |row: &Row| match named.get(&row.place) {
        None => Some(format!("{}: the code has no such number or time", row.place)),
        Some(value) if *value != row.value => {
            Some(format!("{}: documented as {}, but it is {value}", row.place, row.value))
        }
        Some(_) => None,
    };
    none(&documented().iter().filter_map(wrong).collect::<Vec<_>>());
}

#[test]
fn every_number_and_time_of_the_code_is_in_the_table_or_limits_nothing() {
    let rows: BTreeMap<String, Value> =
        documented().into_iter().map(|row| (row.place, row.value)).collect();
    let forgotten = |(place, value): (String, Value)| {
        let known = rows.contains_key(&place) || EXEMPT.iter().any(|(it, _)| covers(it, &place));
        (!known).then(|| format!("{place} = {value}"))
    };
    none(&code::named().into_iter().filter_map(forgotten).collect::<Vec<_>>());
}

#[test]
fn nothing_is_exempt_that_is_not_there_or_is_in_the_table() {
    let (named, rows) = (code::named(), documented());
    let stale = |(it, _): &(&str, &str)| {
        let there = named.keys().any(|place| covers(it, place));
        let documented = rows.iter().any(|row| covers(it, &row.place));
        (!there || documented)
            .then(|| format!("{it}: in the code {there}, documented {documented}"))
    };
    none(&EXEMPT.iter().filter_map(stale).collect::<Vec<_>>());
}

#[test]
fn every_limit_says_what_happens_at_it() {
    let silent = |row: &Row| row.at_it.is_empty().then(|| row.place.clone());
    none(&documented().iter().filter_map(silent).collect::<Vec<_>>());
    assert!(documented().len() > 100, "the table cannot be read any more");
}

/// Whether an exemption, a whole place or the beginning of some with `*` behind it, covers a place.
fn covers(exemption: &str, place: &str) -> bool {
    match exemption.strip_suffix('*') {
        Some(beginning) => place.starts_with(beginning),
        None => place == exemption,
    }
}
