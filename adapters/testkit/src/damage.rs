//! Bytes and JSON as nobody should have written them, for tests of whatever reads.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What trips parsers up: numbers without end, halves of characters, depth, names twice.
const TELLING: [&str; 16] = [
    "null",
    "1e999",
    "-0",
    "99999999999999999999999999",
    "-9223372036854775809",
    "0.1e-400",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u0000\"",
    "\"\u{feff}\u{202e}\"",
    "\"9999-12-31T23:59:60.999999999999-23:59\"",
    "{\"a\":1,\"a\":2}",
    "[]",
    "{}",
    "\"00-00000000000000000000000000000000-0000000000000000-00\"",
    "true",
];

/// One change to some bytes.
#[derive(Debug, Clone)]
pub enum Damage {
    /// A byte is another one.
    Flip(Index, u8),
    /// The rest is missing.
    Cut(Index),
    /// Something stands between.
    Insert(Index, Vec<u8>),
    /// A part stands there twice.
    Repeat(Index, Index),
}

impl Damage {
    /// Changes the bytes.
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Self::Flip(at, byte) => bytes[at.index(length)] ^= byte,
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Insert(at, new) => {
                let at = at.index(length);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Repeat(one, other) => {
                let (one, other) = (one.index(length), other.index(length));
                let part = bytes[one.min(other)..one.max(other)].to_vec();
                bytes.splice(other..other, part);
            }
        }
    }
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let telling = select(TELLING.to_vec()).prop_map(|text| text.as_bytes().to_vec());
    let inserted = prop_oneof![vec(any::<u8>(), 1..12), telling];
    prop_oneof![
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        1 => any::<Index>().prop_map(Damage::Cut),
        2 => (any::<Index>(), inserted).prop_map(|(at, new)| Damage::Insert(at, new)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Damage::Repeat(one, other)),
    ]
}

/// One of these, with a few changes.
pub fn damaged(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (select(samples), vec(any_damage(), 1..5)).prop_map(|(mut bytes, damage)| {
        for damage in damage {
            damage.apply(&mut bytes);
        }
        bytes
    })
}

/// The text of a JSON value, some of which no parser reads as a number or as text.
pub fn any_json() -> impl Strategy<Value = String> {
    let text = vec(any::<char>(), 0..20).prop_map(|text| quoted(&text.iter().collect::<String>()));
    let time = "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}\
        (\\.[0-9]{1,12})?(Z|[+-][0-9]{2}:[0-9]{2})";
    let deep = (1..1_000_usize).prop_map(|depth| ["[".repeat(depth), "]".repeat(depth)].concat());
    let leaf = prop_oneof![
        4 => select(TELLING.to_vec()).prop_map(str::to_owned),
        2 => text,
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => time.prop_map(|time| quoted(&time)),
        1 => deep,
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let member = ("[a-z_]{1,12}", inner.clone());
        let member = member.prop_map(|(name, value)| format!("{}:{value}", quoted(&name)));
        prop_oneof![
            vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// The text as JSON.
fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            // Writing to a String cannot fail.
            c if c < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}
