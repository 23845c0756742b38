//! One document's next version, and the statement that writes it.

use comptoir_domain::port::store::Version;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::raw::{CStr, CString};
use mongodb::bson::{RawBson, RawDocumentBuf, cstr, rawdoc};
use tokio::time::Instant;

use crate::document::{SCHEMA, stored};
use crate::outbox::{Entries, First, Remains};
use crate::table::{Verb, update_statement};

/// For how many versions a document knows which save made them. Somebody whose answer was lost must
/// read it back before that many others have saved, or it stays unknown.
const REMEMBERED: u64 = 8;

/// One document's next version.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) id: String,
    /// The version that it replaces.
    pub(crate) expected: Version,
    /// Tells this save from every other.
    pub(crate) save_id: ObjectId,
    /// Fields to set; `state` is one of them.
    pub(crate) set: Vec<(&'static CStr, RawBson)>,
    /// Fields that are to be there no longer.
    pub(crate) unset: Vec<&'static CStr>,
    pub(crate) outbox: Entries,
    /// Whether the events that the expected version holds are published, and go with this save.
    pub(crate) is_published: bool,
}

/// A statement on its way to the server.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) id: String,
    pub(crate) expected: Version,
    pub(crate) save_id: ObjectId,
    /// Whether events come with it.
    pub(crate) announces: bool,
    /// The events, if nothing can stand before them in the outbox.
    pub(crate) first: Option<First>,
    /// Whether it takes published events along.
    pub(crate) takes: bool,
    pub(crate) statement: RawDocumentBuf,
}

impl Write {
    /// The version that it makes.
    pub(crate) fn version(&self) -> Version {
        self.expected.next()
    }

    /// Whether a document of this version knows no more who made the one that this would be.
    pub(crate) fn is_forgotten_at(&self, stored: Version) -> bool {
        stored.0 >= self.version().0.saturating_add(REMEMBERED)
    }
}

impl Draft {
    pub(crate) fn new(id: impl Into<String>, expected: Version, outbox: Entries) -> Self {
        Self {
            id: id.into(),
            expected,
            save_id: ObjectId::new(),
            set: Vec::new(),
            unset: Vec::new(),
            outbox,
            is_published: false,
        }
    }

    /// Takes the events along that are known to be published.
    #[must_use]
    pub(crate) fn after(mut self, remains: &Remains) -> Self {
        self.is_published =
            self.expected != Version::NEW && remains.meet(&self.id, self.expected, Instant::now());
        self
    }

    #[must_use]
    pub(crate) fn with(mut self, field: &'static CStr, value: impl Into<RawBson>) -> Self {
        self.set.push((field, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn without(mut self, field: &'static CStr) -> Self {
        self.unset.push(field);
        self
    }

    pub(crate) fn verb(&self) -> Verb {
        if self.expected == Version::NEW { Verb::Insert } else { Verb::Update }
    }

    pub(crate) fn into_write(self) -> Write {
        let statement = match self.verb() {
            Verb::Insert => self.document(),
            _ => self.update(),
        };
        let is_whole = self.is_published || self.expected == Version::NEW;
        Write {
            announces: !self.outbox.is_empty(),
            first: is_whole.then_some(self.outbox.listed),
            takes: self.is_published,
            id: self.id,
            expected: self.expected,
            save_id: self.save_id,
            statement,
        }
    }

    /// The whole document, for its first version.
    fn document(&self) -> RawDocumentBuf {
        let version = self.expected.next();
        let mut document = rawdoc! {
            "_id": self.id.as_str(),
            "version": stored(version.0),
            "schema": SCHEMA,
        };
        let write_ids: RawDocumentBuf =
            std::iter::once((key("", version.0), self.save_id)).collect();
        document.append(cstr!("write_ids"), write_ids);
        for (field, value) in &self.set {
            document.append(field, value);
        }
        if let Some(oldest) = self.outbox.oldest {
            document.append(cstr!("outbox"), self.outbox.part());
            document.append(cstr!("pending_since"), oldest);
        }
        document
    }

    /// What changes, over the version that is expected.
    fn update(&self) -> RawDocumentBuf {
        let filter = rawdoc! { "_id": self.id.as_str(), "version": stored(self.expected.0) };
        let version = self.expected.next();
        let mut set = rawdoc! { "version": stored(version.0), "schema": SCHEMA };
        set.append(key("write_ids.", version.0), self.save_id);
        for (field, value) in &self.set {
            set.append(field, value);
        }
        let mut unset = RawDocumentBuf::new();
        // See `Write::is_forgotten_at`.
        if let Some(forgotten) = version.0.checked_sub(REMEMBERED).filter(|old| *old > 0) {
            unset.append(key("write_ids.", forgotten), "");
        }
        for field in &self.unset {
            unset.append(field, "");
        }
        let mut min = None;
        match (self.outbox.oldest, self.is_published) {
            (Some(oldest), true) => {
                set.append(cstr!("outbox"), self.outbox.part());
                set.append(cstr!("pending_since"), oldest);
            }
            (None, true) => {
                unset.append(cstr!("outbox"), "");
                unset.append(cstr!("pending_since"), "");
            }
            (Some(oldest), false) => {
                for (sequence, entry) in &self.outbox.events {
                    set.append(dotted("outbox", sequence), entry);
                }
                min = Some(oldest);
            }
            (None, false) => {}
        }
        let mut change = rawdoc! { "$set": set };
        if !unset.is_empty() {
            change.append(cstr!("$unset"), unset);
        }
        if let Some(oldest) = min {
            change.append(cstr!("$min"), rawdoc! { "pending_since": oldest });
        }
        update_statement(filter, change)
    }
}

fn key(before: &str, version: u64) -> CString {
    CString::try_from(format!("{before}{version}")).expect("digits have no zero byte")
}

fn dotted(part: &str, key: &CStr) -> CString {
    CString::try_from(format!("{part}.{key}")).expect("neither has a zero byte")
}

#[cfg(test)]
mod tests {
    use mongodb::bson::Document;

    use super::*;

    fn statement(expected: u64) -> Document {
        let draft = Draft::new("a", Version(expected), Entries::default())
            .with(cstr!("state"), rawdoc! { "x": 1 })
            .without(cstr!("due_at"));
        Document::try_from(draft.into_write().statement).unwrap()
    }

    #[test]
    fn the_first_version_is_a_whole_document() {
        let document = statement(0);
        assert_eq!(document.get_str("_id").unwrap(), "a");
        assert_eq!(document.get_i64("version").unwrap(), 1);
        assert!(document.get_document("write_ids").unwrap().contains_key("1"));
        assert!(!document.contains_key("outbox") && !document.contains_key("pending_since"));
    }

    #[test]
    fn published_events_go_with_the_next_save() {
        let draft = Draft::new("a", Version(1), Entries::default());
        let draft = Draft { is_published: true, ..draft };
        let statement = Document::try_from(draft.into_write().statement).unwrap();
        let unset = statement.get_document("u").unwrap().get_document("$unset").unwrap();
        assert_eq!(unset.keys().collect::<Vec<_>>(), ["outbox", "pending_since"]);
    }

    #[test]
    fn further_versions_are_guarded_and_forget_old_saves() {
        let statement = statement(10);
        let filter = statement.get_document("q").unwrap();
        assert_eq!((filter.len(), filter.get_i64("version").unwrap()), (2, 10));
        let change = statement.get_document("u").unwrap();
        let set = change.get_document("$set").unwrap();
        assert!(set.contains_key("write_ids.11") && set.contains_key("state"));
        let unset = change.get_document("$unset").unwrap();
        assert_eq!(unset.keys().collect::<Vec<_>>(), ["write_ids.3", "due_at"]);
        let of_version_3 = Draft::new("a", Version(2), Entries::default()).into_write();
        assert!(of_version_3.is_forgotten_at(Version(11)));
        assert!(!of_version_3.is_forgotten_at(Version(10)));
    }
}
