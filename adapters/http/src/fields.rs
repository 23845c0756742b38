//! The fields of a request, whether they came as a form, as JSON or in the query.

mod complete;
mod parse;

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::ops::RangeInclusive;

pub use complete::Complete;

use crate::{FieldError, Problem};

/// One field as it was sent. `Debug` does not show it: it may be a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A form value, or a JSON string.
    Text(String),
    /// A JSON integer.
    Integer(i64),
    /// Any other JSON value; the words for it, as in `a list`.
    Other(&'static str),
    /// Sent more than once, which is an error for whoever asks for the field.
    Repeated,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(***)",
            Self::Integer(_) => "Integer(***)",
            Self::Other(_) => "Other",
            Self::Repeated => "Repeated",
        })
    }
}

/// The fields of a request by name.
///
/// The accessors give `None` for a field that is absent (JSON `null` counts as absent) or wrong,
/// and remember each wrong one; [`Fields::complete`] or [`Fields::check`] then answers all of them
/// in one 422. Fields that nobody asks for are ignored.
///
/// Numbers may be JSON numbers or text (a form has only text); text may not be a JSON number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    values: BTreeMap<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// The field as it was sent; `None` if it is absent.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// A text; an empty one counts as present.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(_) => self.wrong(name, "must be text, not a number"),
            Value::Other(words) => self.wrong(name, format!("must be text, not {words}")),
            Value::Repeated => self.wrong(name, REPEATED),
        }
    }

    /// A whole number.
    pub fn integer(&mut self, name: &str) -> Option<i64> {
        match self.values.get(name)? {
            Value::Integer(number) => Some(*number),
            Value::Text(text) => match text.parse() {
                Ok(number) => Some(number),
                Err(_) => self.wrong(name, "must be a whole number"),
            },
            Value::Other(words) => self.wrong(name, format!("must be a whole number, not {words}")),
            Value::Repeated => self.wrong(name, REPEATED),
        }
    }

    /// A whole number within `range`.
    pub fn integer_in(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let number = self.integer(name)?;
        if range.contains(&number) {
            return Some(number);
        }
        self.wrong(name, format!("must be from {} to {}", range.start(), range.end()))
    }

    /// A text that must be there.
    pub fn required_text(&mut self, name: &str) -> Option<String> {
        self.require(name);
        self.text(name)
    }

    /// A whole number within `range` that must be there.
    pub fn required_integer_in(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        self.require(name);
        self.integer_in(name, range)
    }

    /// Makes a checked value of a raw one; the error's `Display` becomes the field's detail.
    ///
    /// ```
    /// # let mut fields = comptoir_http::Fields::from_query("sku=coffee-mug").unwrap();
    /// let raw = fields.required_text("sku");
    /// let sku = fields.convert("sku", raw, |raw| match raw.len() {
    ///     1..=64 => Ok(raw),
    ///     _ => Err("must have 1 to 64 characters"),
    /// });
    /// ```
    pub fn convert<V, T, E: Display>(
        &mut self,
        name: &str,
        raw: Option<V>,
        check: impl FnOnce(V) -> Result<T, E>,
    ) -> Option<T> {
        check(raw?).map_err(|error| self.invalid(name, error.to_string())).ok()
    }

    /// Names `field` as invalid; a field may be named more than once.
    pub fn invalid(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        let (field, detail) = (field.into(), detail.into());
        self.errors.push(FieldError { field, detail });
    }

    /// Ends the reading of optional fields: a 422 that names every field found wrong so far.
    pub fn check(&mut self) -> Result<(), Problem> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Problem::invalid_fields(std::mem::take(&mut self.errors)))
    }

    /// As [`Fields::check`], and unwraps the required values: a tuple of one to six `Option`s.
    ///
    /// A `None` among them that nobody recorded is answered with the same 422.
    pub fn complete<T: Complete>(&mut self, values: T) -> Result<T::Values, Problem> {
        self.check()?;
        values.all().ok_or_else(|| Problem::invalid_fields(Vec::new()))
    }

    fn require(&mut self, name: &str) {
        if !self.values.contains_key(name) {
            self.invalid(name, "is missing");
        }
    }

    fn wrong<T>(&mut self, name: &str, detail: impl Into<String>) -> Option<T> {
        self.invalid(name, detail);
        None
    }
}

const REPEATED: &str = "must be given once";

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(problem: &Problem) -> Vec<(&str, &str)> {
        problem.errors().iter().map(|e| (e.field.as_str(), e.detail.as_str())).collect()
    }

    #[test]
    fn what_was_sent_does_not_show() {
        let form = Fields::from_form(b"username=alice&password=hush").unwrap();
        let json = Fields::from_json(br#"{"username":"alice","password":"hush","n":77}"#).unwrap();
        for fields in [form, json] {
            let shown = format!("{fields:?}");
            assert!(shown.contains("password"), "{shown}");
            assert!(!["hush", "alice", "77"].iter().any(|value| shown.contains(value)), "{shown}");
        }
    }

    #[test]
    fn a_form_and_json_read_alike() {
        let form = Fields::from_form(b"sku=coffee-mug&quantity=3").unwrap();
        let json = Fields::from_json(br#"{"sku":"coffee-mug","quantity":3,"x":null}"#).unwrap();
        for mut fields in [form, json] {
            assert_eq!(fields.text("sku").as_deref(), Some("coffee-mug"));
            assert_eq!(fields.integer_in("quantity", 1..=1_000), Some(3));
            assert_eq!(fields.text("x"), None);
            fields.check().unwrap();
        }
    }

    #[test]
    fn every_invalid_field_is_named() {
        let json = br#"{"sku":7,"quantity":0,"amount":1.5,"list":[1],"flag":true,"flag":false}"#;
        let mut fields = Fields::from_json(json).unwrap();
        let required = (fields.required_text("name"), fields.text("sku"));
        assert_eq!(fields.integer_in("quantity", 1..=9), None);
        assert_eq!(fields.integer("amount"), None);
        assert_eq!(fields.text("list"), None);
        assert_eq!(fields.text("flag"), None);
        let problem = fields.complete(required).unwrap_err();
        let expected = [
            ("name", "is missing"),
            ("sku", "must be text, not a number"),
            ("quantity", "must be from 1 to 9"),
            ("amount", "must be a whole number, not a fraction or a number out of range"),
            ("list", "must be text, not a list"),
            ("flag", "must be given once"),
        ];
        assert_eq!(errors(&problem), expected);
    }

    #[test]
    fn a_conversion_that_fails_names_its_field() {
        let mut fields = Fields::from_form(b"currency=euro").unwrap();
        let raw = fields.text("currency");
        let code = fields.convert("currency", raw, |_| Err::<(), _>("must be three letters"));
        assert_eq!(code, None);
        assert_eq!(errors(&fields.check().unwrap_err()), [("currency", "must be three letters")]);
    }

    #[test]
    fn what_is_no_form_and_what_is_no_json_object_is_malformed() {
        let nested = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        let deep = [br#"{"a":"#.as_slice(), &nested, b"}"].concat();
        for bad in [&b"{"[..], b"[]", b"3", b"{} {}", b" ", b"{\"a\":\"\xff\"}", &deep] {
            assert_eq!(Fields::from_json(bad).unwrap_err().status().as_u16(), 400);
        }
        for bad in [&b"a=%zz"[..], b"a=%ff", b"a=\xff", b"{\"username\":\"alice\"}"] {
            assert_eq!(Fields::from_form(bad).unwrap_err().status().as_u16(), 400);
        }
    }

    #[test]
    fn a_repeated_form_field_is_refused_only_when_asked_for() {
        let mut fields = Fields::from_form(b"a=1&a=2&b=3&b=4").unwrap();
        assert_eq!(fields.integer("a"), None);
        assert_eq!(errors(&fields.check().unwrap_err()), [("a", "must be given once")]);
    }
}
