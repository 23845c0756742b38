//! The console's answers, for people.

use comptoir_runtime::terminal::json_escaped;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;

use super::table::{plain, table};

const TIME: StaticFormatDescription =
    format_description!(version = 2, "[year]-[month]-[day]T[hour]:[minute]:[second]Z");

const REASON_CHARS: usize = 70;
const LINE_CHARS: usize = 2_000;

/// Said of records that the console has not taken in yet.
const UNREAD: &str = "records are still being read; ask again";

/// As the console gave it, indented.
pub(super) fn json(answer: &Value) -> String {
    json_escaped(format!("{answer:#}\n"))
}

/// A number or a text of the answer.
fn cell(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| plain(text, LINE_CHARS))
}

fn time(value: &Value) -> String {
    let at = value
        .as_i64()
        .and_then(|millis| OffsetDateTime::from_unix_timestamp(millis.div_euclid(1_000)).ok());
    at.and_then(|at| at.format(TIME).ok()).unwrap_or_else(|| cell(value))
}

fn place(value: &Value) -> String {
    format!("{} {} {}", cell(&value["topic"]), cell(&value["partition"]), cell(&value["offset"]))
}

fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// How many there are of each topic.
pub(super) fn counted(answer: &Value) -> String {
    let row = |topic: &Value| {
        let cells = ["topic", "open", "replayed", "not_replayable"];
        cells.map(|name| cell(&topic[name])).to_vec()
    };
    let rows: Vec<_> = each(&answer["topics"]).map(row).collect();
    let notes: Vec<_> = each(&answer["topics"]).flat_map(notes).collect();
    table(&["TOPIC", "OPEN", "REPLAYED", "NOT REPLAYABLE"], &rows) + &notes.concat()
}

/// What the numbers of a topic leave out.
fn notes(topic: &Value) -> Vec<String> {
    let notes = [
        ("unread", UNREAD),
        ("left_out", "older letters are left out: there are too many"),
        ("strange", "records on its dead-letter topic are no dead letters of this shop"),
    ];
    let counted = notes.into_iter().filter_map(|(name, what)| {
        let count = topic[name].as_u64().filter(|count| *count > 0)?;
        Some(format!("{}: {count} {what}\n", cell(&topic["topic"])))
    });
    counted.collect()
}

/// The letters of a topic, a line each.
pub(super) fn listed(answer: &Value) -> String {
    let row = |letter: &Value| {
        let reason = letter["reason"].as_str().unwrap_or_default();
        vec![
            cell(&letter["partition"]),
            cell(&letter["offset"]),
            time(&letter["time"]),
            cell(&letter["state"]),
            cell(&letter["attempts"]),
            cell(&letter["replays"]),
            cell(&letter["group"]),
            place(&letter["source"]),
            plain(reason, REASON_CHARS),
        ]
    };
    let rows: Vec<_> = each(&answer["letters"]).map(row).collect();
    let unread = answer["unread"].as_u64().filter(|count| *count > 0);
    let unread = unread.map(|count| format!("{count} {UNREAD}\n")).unwrap_or_default();
    if rows.is_empty() {
        return format!("no dead letters\n{unread}");
    }
    let head = ["PART", "OFFSET", "TIME", "STATE", "TRIES", "REPLAYS", "GROUP", "FROM", "REASON"];
    let more = if answer["next"].is_string() { "there are more: --limit\n" } else { "" };
    table(&head, &rows) + more + &unread
}

/// All that is known of a letter.
pub(super) fn shown(letter: &Value) -> String {
    let record = &letter["record"];
    let mut facts = vec![
        ("state", cell(&letter["state"])),
        ("reason", cell(&letter["reason"])),
        ("given up", format!("{} by {}", time(&letter["time"]), cell(&letter["group"]))),
        ("attempts", cell(&letter["attempts"])),
        ("replays", cell(&letter["replays"])),
        ("from", place(&letter["source"])),
    ];
    if let Some(why) = letter["why"].as_str() {
        facts.push(("why", plain(why, LINE_CHARS)));
    }
    let replayed = &letter["replayed"];
    if replayed.is_object() {
        let (partition, offset) = (cell(&replayed["partition"]), cell(&replayed["offset"]));
        facts.push(("put back", format!("{} to {partition} {offset}", time(&replayed["time"]))));
    }
    facts.push(("key", cell(&record["key"])));
    for header in each(&record["headers"]) {
        facts.push(("header", format!("{}: {}", cell(&header["name"]), cell(&header["value"]))));
    }
    let line = |(name, fact): (&str, String)| format!("{:10}{fact}", format!("{name}:"));
    let mut lines: Vec<_> = facts.into_iter().map(line).collect();
    lines.push(String::new());
    let value = record["value"].as_str().unwrap_or("none").lines();
    lines.extend(value.map(|line| plain(line, usize::MAX)));
    lines.join("\n") + "\n"
}

/// What became of each letter.
pub(super) fn put_back(topic: &str, replayed: &[Value], not_replayed: &[Value]) -> String {
    let topic = plain(topic, LINE_CHARS);
    let at = |letter: &Value| {
        format!("{topic} {} {}", cell(&letter["partition"]), cell(&letter["offset"]))
    };
    let done = replayed.iter().map(|letter| {
        let unnoted = if letter["noted"] == false {
            "; that could not be noted, so it shows as open still"
        } else {
            ""
        };
        format!("{}: put back at {}{unnoted}\n", at(letter), place(&letter["to"]))
    });
    let kept = not_replayed
        .iter()
        .map(|letter| format!("{}: not put back: {}\n", at(letter), cell(&letter["why"])));
    done.chain(kept).collect()
}

/// All in all.
pub(super) fn outcome(replayed: usize, not_replayed: usize, open: &Value) -> String {
    format!("{replayed} put back, {not_replayed} not; {} open now\n", cell(open))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_says_what_is_not_in_it_yet() {
        let none = json!({"letters": [], "next": null, "unread": 0});
        assert_eq!(listed(&none), "no dead letters\n");
        let some = json!({"letters": [{"reason": "why"}], "next": "1:0:1", "unread": 7});
        let some = listed(&some);
        let told = "there are more: --limit\n7 records are still being read; ask again\n";
        assert!(some.ends_with(told), "{some}");
    }
}
