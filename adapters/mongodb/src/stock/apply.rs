//! Writing an article and its reservations in one step.

use std::collections::HashMap;

use comptoir_domain::port::store::{ReservationWrite, StockWrite, StoreError, Version, Versioned};
use comptoir_domain::stock::{Article, Reservation, Sku};
use mongodb::bson::cstr;
use tokio::time::Instant;

use super::{Kept, article, moves, receipts, reservation};
use crate::error::Failure;
use crate::outbox::Entries;
use crate::table::Verb;
use crate::write::{Draft, Outcome};

/// How often somebody else may come first before the caller is told to read again.
const ROUNDS: usize = 20;

/// Why nothing is written.
pub(super) enum Refused {
    /// Somebody has written what was decided on.
    Stale,
    /// The request was answered before.
    Answered,
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refused> for StoreError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Stale => Self::Conflict,
            Refused::Answered => Self::ANSWERED,
            Refused::Failed(failure) => failure.into(),
        }
    }
}

impl Kept {
    pub(super) async fn apply(&self, write: StockWrite) -> Result<(), StoreError> {
        let StockWrite { article, reservations, answer } = write;
        let deadline = self.deadline();
        let first = reservations.first().map(|write| &write.reservation.sku);
        let named = article.as_ref().map(|article| article.state.sku());
        let Some(sku) = named.or(first).cloned() else {
            return Ok(());
        };
        // A version that the caller has seen is the only one that will do.
        let rounds = match &article {
            Some(article) if article.version != Version::NEW => 1,
            _ => ROUNDS,
        };
        for _ in 0..rounds {
            let base = self.base(&sku, article.as_ref(), deadline).await?;
            if let Some(answer) = &answer {
                self.make_room(&sku, base, answer.key, deadline).await?;
            }
            let seen = article.as_ref().map(|article| (&sku, article.version));
            let (moves, after) = self.decided(&reservations, seen, deadline).await?;
            let draft = draft(&sku, base, article.as_ref(), &moves);
            let draft = match &answer {
                Some(answer) => receipts::with_answer(draft, answer),
                None => draft,
            };
            let version = base.next();
            let _under_way = self.settled.begin(sku.as_str(), version);
            if self.save(draft, deadline).await? == Outcome::Saved {
                self.carry_out(&sku, version, moves, deadline).await?;
                self.known.wrote(&sku, base, after);
                return Ok(());
            }
            self.known.forget(&sku);
        }
        Err(StoreError::Conflict)
    }

    /// The version of the article's document that is to be replaced. All moves up to it are done.
    async fn base(
        &self,
        sku: &Sku,
        article: Option<&Versioned<Article>>,
        deadline: Instant,
    ) -> Result<Version, Refused> {
        let expected = article.map(|article| article.version);
        if let Some(version) = expected
            && self.settled.is(sku.as_str(), version)
        {
            return Ok(version);
        }
        let seen = self.see(std::slice::from_ref(sku), deadline).await?.pop();
        let stored = seen.as_ref().map_or(Version::NEW, |seen| seen.version);
        let is_received = seen.is_some_and(|seen| seen.article.is_some());
        match expected {
            None => Ok(stored),
            Some(Version::NEW) if !is_received => Ok(stored),
            Some(expected) if is_received && expected == stored => Ok(stored),
            Some(_) => Err(Refused::Stale),
        }
    }

    /// What becomes of the reservations, if they are as they were when that was decided, on `seen`;
    /// and what they are afterwards.
    async fn decided(
        &self,
        writes: &[ReservationWrite],
        seen: Option<(&Sku, Version)>,
        deadline: Instant,
    ) -> Result<(Vec<Draft>, Vec<Versioned<Reservation>>), Refused> {
        let payments: Vec<_> = writes.iter().map(|write| write.reservation.payment).collect();
        let known = seen.and_then(|seen| self.known.whole(seen, &payments));
        let stored: HashMap<_, _> = match known {
            Some(known) => known.into_iter().map(|known| (known.state.payment, known)).collect(),
            None => self.stored_reservations(&payments, deadline).await?,
        };
        let mut drafts = Vec::with_capacity(writes.len());
        let mut after = Vec::with_capacity(writes.len());
        for write in writes {
            let stored = stored.get(&write.reservation.payment);
            if stored.map(|stored| stored.state.status) != write.expected {
                return Err(Refused::Stale);
            }
            let version = stored.map_or(Version::NEW, |stored| stored.version);
            drafts.push(reservation::draft(write, version)?.after(&self.nudges.remains));
            after.push(Versioned { state: write.reservation.clone(), version: version.next() });
        }
        Ok((drafts, after))
    }

    async fn save(&self, draft: Draft, deadline: Instant) -> Result<Outcome, Failure> {
        let writer = match draft.verb() {
            Verb::Insert => &self.first_articles,
            _ => &self.next_articles,
        };
        let mut answers = writer.write(vec![draft.into_write()], deadline).await?;
        answers.pop().unwrap_or(Err(Failure::Defect))
    }
}

/// The next version of the article's document.
fn draft(sku: &Sku, base: Version, article: Option<&Versioned<Article>>, moves: &[Draft]) -> Draft {
    let mut draft = Draft::new(sku.as_str(), base, Entries::default());
    if let Some(article) = article {
        draft = draft.with(cstr!("state"), article::state(&article.state));
    }
    if moves.is_empty() {
        return draft.without(cstr!("moving")).without(cstr!("moves"));
    }
    let count = i32::try_from(moves.len()).unwrap_or(i32::MAX);
    draft.with(cstr!("moving"), moves::encode(moves)).with(cstr!("moves"), count)
}
