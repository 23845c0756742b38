//! From bytes to [`Fields`].

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;

use super::{Fields, Value};
use crate::{Problem, percent};

impl Fields {
    /// Reads `application/x-www-form-urlencoded`; 400 if an escape is broken or it is not UTF-8.
    pub fn from_form(raw: &[u8]) -> Result<Self, Problem> {
        // What `curl -d '{…}'` sends: JSON under the form's content type.
        if raw.trim_ascii_start().starts_with(b"{") {
            return Err(malformed("the body looks like JSON but is declared as a form")
                .with_hint("Send JSON with `Content-Type: application/json`."));
        }
        let pairs = percent::pairs(raw)
            .ok_or_else(|| malformed("the form has a broken escape or is not UTF-8"))?;
        Ok(Self::from_pairs(pairs))
    }

    /// Reads a JSON object; 400 for anything else.
    pub fn from_json(raw: &[u8]) -> Result<Self, Problem> {
        let Object(values) = serde_json::from_slice(raw)
            .map_err(|error| malformed(format!("the body is not a JSON object: {error}")))?;
        Ok(Self { values, errors: Vec::new() })
    }

    /// Reads the part of a URI behind `?`; 400 if an escape is broken or it is not UTF-8.
    pub fn from_query(raw: &str) -> Result<Self, Problem> {
        let pairs = percent::pairs(raw.as_bytes())
            .ok_or_else(|| Problem::bad_request("the query has a broken escape or is not UTF-8"))?;
        Ok(Self::from_pairs(pairs))
    }

    fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        let mut values = BTreeMap::new();
        for (name, value) in pairs {
            add(&mut values, name, Value::Text(value));
        }
        Self { values, errors: Vec::new() }
    }
}

fn malformed(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::bad_request(detail).with_kind("malformed-body", "The body cannot be read")
}

fn add(values: &mut BTreeMap<String, Value>, name: String, value: Value) {
    match values.entry(name) {
        Entry::Vacant(free) => {
            free.insert(value);
        }
        Entry::Occupied(mut taken) => {
            taken.insert(Value::Repeated);
        }
    }
}

/// A JSON object whose repeated names are noticed, which a map would hide.
struct Object(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
        let mut values = BTreeMap::new();
        while let Some((name, value)) = members.next_entry::<String, Json>()? {
            let value = match value {
                Json::Null => continue,
                Json::String(text) => Value::Text(text),
                Json::Number(number) => number
                    .as_i64()
                    .map_or(Value::Other("a fraction or a number out of range"), Value::Integer),
                Json::Bool(_) => Value::Other("true or false"),
                Json::Array(_) => Value::Other("a list"),
                Json::Object(_) => Value::Other("an object"),
            };
            add(&mut values, name, value);
        }
        Ok(Object(values))
    }
}
