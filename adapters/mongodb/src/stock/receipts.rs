//! The answers to receipts that carried an idempotency key.
//!
//! A receipt is one guarded write of its article, and the answer must be in that write. An article may
//! be received without end, so its document keeps the last receipt's answer only; before the next one
//! replaces it, it is copied to a document of its own.
//!
//! Whoever is to write an answer over a version first reads the article, which must have that version,
//! then the answer's own document. If its key is in neither, nobody has stored it up to that version:
//! what is not in the article any more was copied before it was replaced. And whoever stores it later
//! makes another version, so that the write fails.

use std::sync::Arc;

use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::port::store::Version;
use comptoir_domain::stock::Sku;
use comptoir_domain::time::Timestamp;
use mongodb::bson::{RawArrayBuf, cstr, rawdoc};
use tokio::time::Instant;

use super::Kept;
use super::apply::Refused;
use crate::answers;
use crate::document::{Found, SCHEMA, stored};
use crate::error::{Failure, Malformed};
use crate::server::Server;
use crate::table::{Index, IndexKind, Query, Table, Verb, update_statement};
use crate::write::{Draft, errors, unconfirmed};

/// What is removed is looked for by both, lest it be an answer that was given meanwhile.
const GUARD: Index =
    Index { name: "guard", fields: &["_id", "answered_at"], kind: IndexKind::Unique };
const ANSWERED: Index =
    Index { name: "answered", fields: &["answered_at"], kind: IndexKind::Sparse };

const DUPLICATE: i32 = 11_000;

pub(super) fn table(server: &Arc<Server>, service: &str) -> Arc<Table> {
    Table::new(server, service, ("receipts", "answer to a receipt"), &[GUARD, ANSWERED])
}

/// The next version of an article with the answer to the receipt that makes it.
pub(super) fn with_answer(draft: Draft, answer: &FirstAnswer) -> Draft {
    draft
        .with(cstr!("receipt"), answers::part(answer))
        .with(cstr!("received_at"), answer.at.as_millis())
}

fn read_last(found: Found<'_>) -> Result<(Version, Option<FirstAnswer>), Malformed> {
    Ok((found.version()?, answers::read(found, "receipt")?))
}

impl Kept {
    /// Sees to it that an answer under `key` can be written over that version of the article.
    pub(super) async fn make_room(
        &self,
        sku: &Sku,
        base: Version,
        key: IdempotencyKey,
        deadline: Instant,
    ) -> Result<(), Refused> {
        let (version, last) = self.last_receipt(sku, deadline).await?;
        if version != base {
            return Err(Refused::Stale);
        }
        if last.as_ref().is_some_and(|last| last.key == key)
            || self.own_document(key, deadline).await?.is_some()
        {
            return Err(Refused::Answered);
        }
        match last {
            Some(last) => Ok(self.copy(&last, deadline).await?),
            None => Ok(()),
        }
    }

    pub(super) async fn answered(
        &self,
        sku: &Sku,
        key: IdempotencyKey,
        deadline: Instant,
    ) -> Result<Option<FirstAnswer>, Failure> {
        // In the order in which an answer goes its way.
        let (_, last) = self.last_receipt(sku, deadline).await?;
        match last.filter(|last| last.key == key) {
            Some(last) => Ok(Some(last)),
            None => self.own_document(key, deadline).await,
        }
    }

    /// The article's version, and the answer that stands in its document.
    async fn last_receipt(
        &self,
        sku: &Sku,
        deadline: Instant,
    ) -> Result<(Version, Option<FirstAnswer>), Failure> {
        let query = Query::ids([sku.as_str()]).only(&["version", "receipt"]);
        let found = self.articles.find(query, deadline, read_last).await?.pop();
        Ok(found.unwrap_or((Version::NEW, None)))
    }

    async fn own_document(
        &self,
        key: IdempotencyKey,
        deadline: Instant,
    ) -> Result<Option<FirstAnswer>, Failure> {
        let query = Query::ids([answers::key_text(key)]).only(&["answer"]);
        let read = |found: Found<'_>| answers::read(found, "answer");
        Ok(self.receipts.find(query, deadline, read).await?.pop().flatten())
    }

    /// Gives the answer a document of its own, if it has none.
    async fn copy(&self, answer: &FirstAnswer, deadline: Instant) -> Result<(), Failure> {
        let mut documents = RawArrayBuf::new();
        documents.push(rawdoc! {
            "_id": answers::key_text(answer.key),
            "schema": SCHEMA,
            "answer": answers::part(answer),
            "answered_at": answer.at.as_millis(),
        });
        let done = self.receipts.write(Verb::Insert, documents, deadline).await?;
        if let Some(failure) = unconfirmed(&done) {
            return Err(failure);
        }
        match errors(&done).pop() {
            Some((_, code, text)) if code != DUPLICATE => Err(Failure::RefusedWrite(text)),
            _ => Ok(()),
        }
    }

    /// Forgets old answers, first those that stand in articles.
    pub(super) async fn forget_answers(
        &self,
        before: Timestamp,
        limit: usize,
        deadline: Instant,
    ) -> Result<usize, Failure> {
        let old = answers::old("received_at", before, limit);
        let read = |found: Found<'_>| Ok((found.id()?.to_owned(), found.version()?));
        let last = self.articles.find(old, deadline, read).await?;
        let forget = |(sku, version): &(String, Version)| {
            let filter = rawdoc! { "_id": sku.as_str(), "version": stored(version.0) };
            let fields = rawdoc! { "receipt": "", "received_at": "" };
            update_statement(filter, rawdoc! { "$unset": fields })
        };
        answers::forget(&self.articles, Verb::Update, last.iter().map(forget), deadline).await?;

        let old = answers::old("answered_at", before, limit.saturating_sub(last.len()));
        let read = |found: Found<'_>| {
            let at = found.document.get_i64("answered_at").map_err(|error| found.wrong(&error))?;
            Ok((found.id()?.to_owned(), at))
        };
        let own = self.receipts.find(old, deadline, read).await?;
        let forget = |(key, at): &(String, i64)| {
            rawdoc! { "q": { "_id": key.as_str(), "answered_at": *at }, "limit": 1 }
        };
        answers::forget(&self.receipts, Verb::Delete, own.iter().map(forget), deadline).await?;
        Ok(last.len() + own.len())
    }
}
