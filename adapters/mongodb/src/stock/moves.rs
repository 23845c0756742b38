//! What becomes of an article's reservations, on its way to them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use comptoir_domain::port::store::Version;
use comptoir_domain::stock::Sku;
use futures::future::try_join;
use mongodb::bson::raw::CString;
use mongodb::bson::{RawArrayBuf, RawBsonRef, RawDocument, RawDocumentBuf, cstr, rawdoc};
use tokio::time::Instant;

use super::Kept;
use super::article::Seen;
use crate::document::{Found, stored};
use crate::error::{Failure, Malformed};
use crate::outbox::Entries;
use crate::server::by;
use crate::sync::lock;
use crate::table::{Query, Verb, update_statement};
use crate::write::{Draft, Outcome};

/// Moves of more articles than these are left behind.
const MOST_UNTIDY: usize = 500;

/// The moves as a part of the article's document, by payment.
pub(super) fn encode(moves: &[Draft]) -> RawDocumentBuf {
    let mut part = RawDocumentBuf::new();
    for draft in moves {
        let mut one = rawdoc! {
            "expected": stored(draft.expected.0),
            "write_id": draft.save_id,
        };
        for (field, value) in &draft.set {
            one.append(field, value);
        }
        if let Some(oldest) = draft.outbox.oldest {
            one.append(cstr!("oldest"), oldest);
            one.append(cstr!("outbox"), draft.outbox.part());
        }
        let payment = CString::try_from(draft.id.as_str());
        part.append(payment.expect("a UUID has no zero byte"), one);
    }
    part
}

/// The version that the moves came with, and the moves.
pub(super) fn decode(found: Found<'_>) -> Result<(Version, Vec<Draft>), Malformed> {
    let mut moves = Vec::new();
    for element in found.part("moving")?.into_iter().flatten() {
        let (payment, one) = found.accept(element)?;
        let one = one.as_document().ok_or_else(|| found.wrong("a move is no document"))?;
        moves.push(decode_one(found, payment.as_str(), one)?);
    }
    Ok((found.version()?, moves))
}

fn decode_one(found: Found<'_>, payment: &str, one: &RawDocument) -> Result<Draft, Malformed> {
    let expected = found.accept(one.get_i64("expected"))?;
    let expected = Version(found.accept(u64::try_from(expected))?);
    let state = found.accept(one.get_document("state"))?.to_owned();
    let mut outbox = Entries::default();
    if found.accept(one.get("outbox"))?.is_some() {
        outbox.oldest = Some(found.accept(one.get_i64("oldest"))?);
        for element in found.accept(one.get_document("outbox"))? {
            let (key, entry) = found.accept(element)?;
            let RawBsonRef::Document(entry) = entry else {
                return Err(found.wrong("an event of a move is no document"));
            };
            outbox.events.push((key.into(), entry.to_owned()));
        }
    }
    let save_id = found.accept(one.get_object_id("write_id"))?;
    let draft = Draft { save_id, ..Draft::new(payment, expected, outbox) };
    Ok(draft.with(cstr!("state"), state))
}

impl Kept {
    /// Does the moves of an article that was read, if they are not known to be done.
    pub(super) async fn settle(&self, seen: &Seen, deadline: Instant) -> Result<(), Failure> {
        let sku = seen.sku.as_str();
        if !seen.moves {
            self.settled.add(sku, seen.version);
            return Ok(());
        }
        by(deadline, async {
            self.settled.idle(sku, seen.version).await;
            Ok(())
        })
        .await?;
        if self.settled.is(sku, seen.version) {
            return Ok(());
        }
        let query = Query::ids([sku]).only(&["version", "moving"]);
        // Moves of a later version do as well: who wrote it had done these.
        match self.articles.find(query, deadline, decode).await?.pop() {
            Some((version, moves)) => self.carry_out(&seen.sku, version, moves, deadline).await,
            None => Ok(()),
        }
    }

    /// Brings to the reservations what became of them with the article's `version`.
    pub(super) async fn carry_out(
        &self,
        sku: &Sku,
        version: Version,
        moves: Vec<Draft>,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let (first, next): (Vec<_>, Vec<_>) =
            moves.into_iter().partition(|draft| draft.verb() == Verb::Insert);
        let is_moved = !(first.is_empty() && next.is_empty());
        let writes = |drafts: Vec<Draft>| drafts.into_iter().map(Draft::into_write).collect();
        let (first, next) = try_join(
            self.first_reservations.write(writes(first), deadline),
            self.next_reservations.write(writes(next), deadline),
        )
        .await?;
        for outcome in first.into_iter().chain(next) {
            if outcome? != Outcome::Saved {
                // Only a payment whose commands name different articles could come to this.
                tracing::error!(%sku, "a reservation was changed without its article");
            }
        }
        self.settled.add(sku.as_str(), version);
        if is_moved {
            self.untidy.add(sku, version);
        }
        Ok(())
    }

    /// Takes away moves that are done and still there. They would do no harm, but cost whoever meets
    /// them. What fails is left behind.
    pub(super) async fn tidy(&self, deadline: Instant) {
        let mut statements = RawArrayBuf::new();
        // Whoever wrote the article since has replaced them.
        for (sku, version) in self.untidy.take() {
            if self.settled.is(sku.as_str(), version) {
                let filter = rawdoc! { "_id": sku.as_str(), "version": stored(version.0) };
                let change = rawdoc! { "$unset": { "moving": "", "moves": "" } };
                statements.push(update_statement(filter, change));
            }
        }
        if statements.is_empty() {
            return;
        }
        if let Err(failure) = self.articles.write(Verb::Update, statements, deadline).await {
            tracing::debug!(%failure, "moves that are done were left behind");
        }
    }
}

/// Articles whose last moves this process has done and not taken away.
#[derive(Debug, Default)]
pub(super) struct Untidy(Mutex<BTreeMap<Sku, Version>>);

impl Untidy {
    fn add(&self, sku: &Sku, version: Version) {
        let articles = &mut *lock(&self.0);
        if articles.len() < MOST_UNTIDY || articles.contains_key(sku) {
            articles.insert(sku.clone(), version);
        }
    }

    fn take(&self) -> BTreeMap<Sku, Version> {
        std::mem::take(&mut lock(&self.0))
    }
}
