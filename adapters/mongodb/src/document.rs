//! What all documents have in common, and how their states are read.
//!
//! States are structs of their own, with a version of their schema: what the domain calls things may
//! change, what is stored may not.

use comptoir_domain::port::store::Version;
use mongodb::bson::{RawBsonRef, RawDocument, deserialize_from_slice};
use serde::de::DeserializeOwned;

use crate::error::Malformed;

/// The version of every document's schema so far.
pub(crate) const SCHEMA: i32 = 1;

/// So much is told of an id or a problem, in characters: the problem repeats what is wrong, which may be
/// the whole document.
const TOLD: usize = 200;

/// A document as it is read, with what is needed to tell what is wrong with it.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    what: &'static str,
    pub(crate) document: &'a RawDocument,
}

impl<'a> Found<'a> {
    pub(crate) fn new(what: &'static str, document: &'a RawDocument) -> Self {
        Self { what, document }
    }

    /// It cannot be read, and why.
    pub(crate) fn wrong(&self, problem: &(impl ToString + ?Sized)) -> Malformed {
        let told = |text: &str| text.chars().take(TOLD).collect();
        let id = self.document.get_str("_id").unwrap_or("?");
        Malformed { what: self.what, id: told(id), problem: told(&problem.to_string()) }
    }

    pub(crate) fn id(&self) -> Result<&'a str, Malformed> {
        self.document.get_str("_id").map_err(|error| self.wrong(&error))
    }

    /// A field that may be missing.
    pub(crate) fn get(&self, field: &str) -> Result<Option<RawBsonRef<'a>>, Malformed> {
        self.document.get(field).map_err(|error| self.wrong(&error))
    }

    /// A part that may be missing.
    pub(crate) fn part(&self, field: &str) -> Result<Option<&'a RawDocument>, Malformed> {
        match self.get(field)? {
            None => Ok(None),
            Some(RawBsonRef::Document(part)) => Ok(Some(part)),
            Some(_) => Err(self.wrong(&format!("`{field}` is no document"))),
        }
    }

    pub(crate) fn version(&self) -> Result<Version, Malformed> {
        let version = self.document.get_i64("version").map_err(|error| self.wrong(&error))?;
        Ok(Version(u64::try_from(version).map_err(|error| self.wrong(&error))?))
    }

    /// The state, if its schema is known; `None` if there is none.
    pub(crate) fn state<T: DeserializeOwned>(&self) -> Result<Option<T>, Malformed> {
        match self.get("schema")? {
            Some(RawBsonRef::Int32(SCHEMA)) => {}
            Some(RawBsonRef::Int32(other)) => {
                return Err(self.wrong(&format!("schema {other} is unknown")));
            }
            _ => return Err(self.wrong("it has no schema")),
        }
        let state = self.part("state")?;
        let state = state.map(|state| deserialize_from_slice(state.as_bytes()));
        state.transpose().map_err(|error| self.wrong(&error))
    }

    /// The state of what always has one.
    pub(crate) fn whole_state<T: DeserializeOwned>(&self) -> Result<T, Malformed> {
        self.state()?.ok_or_else(|| self.wrong("it has no state"))
    }

    /// A value of the state that the domain has to accept.
    pub(crate) fn accept<T, E: ToString>(&self, parsed: Result<T, E>) -> Result<T, Malformed> {
        parsed.map_err(|error| self.wrong(&error))
    }
}

/// A number as it is stored. The domain's numbers are smaller than the largest that fits.
pub(crate) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
