//! The document of an article.

use comptoir_domain::port::store::Version;
use comptoir_domain::stock::{Article, Sku};
use mongodb::bson::{RawDocumentBuf, doc, rawdoc};
use serde::{Deserialize, Serialize};

use crate::document::{Found, stored};
use crate::error::Malformed;
use crate::table::Query;

/// An article's `state`.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    received: i64,
    available: i64,
    held: i64,
    sold: i64,
}

/// An article's document as it was read, but for what its moves are.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) sku: Sku,
    pub(super) version: Version,
    /// `None` if nobody has received it.
    pub(super) article: Option<Article>,
    /// Whether it has moves that may not be done.
    pub(super) moves: bool,
}

/// Leaves out the moves, which can be large, and the last receipt's answer.
pub(super) fn without_moves(query: Query) -> Query {
    Query { projection: doc! { "moving": 0, "write_ids": 0, "receipt": 0 }, ..query }
}

impl Seen {
    pub(super) fn read(found: Found<'_>) -> Result<Self, Malformed> {
        let sku = found.accept(Sku::try_from(found.id()?.to_owned()))?;
        let state: Option<State> = found.state()?;
        let article = state.map(|state| {
            let pieces = |number| found.accept(u64::try_from(number));
            let counters = [pieces(state.available)?, pieces(state.held)?, pieces(state.sold)?];
            found.accept(Article::restore(sku.clone(), pieces(state.received)?, counters))
        });
        Ok(Self {
            version: found.version()?,
            article: article.transpose()?,
            moves: found.get("moves")?.is_some(),
            sku,
        })
    }
}

pub(super) fn state(article: &Article) -> RawDocumentBuf {
    rawdoc! {
        "received": stored(article.received()),
        "available": stored(article.available()),
        "held": stored(article.held()),
        "sold": stored(article.sold()),
    }
}
