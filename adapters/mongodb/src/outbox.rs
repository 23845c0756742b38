//! Outboxes: events that wait to be published, in their owner's document, keyed by sequence.
//!
//! A sequence is made from the version of the save that brought the event, so it grows and is never
//! used again. The last event of a save always has the same last digits: from a sequence alone it can
//! be told that nothing of its save comes after it, and an outbox that was published whole is removed
//! by one write that is guarded by the version.

mod clear;
mod entries;
mod nudges;
mod remains;

use std::collections::HashMap;

use comptoir_domain::outbox::{OutboxEntry, OutboxOwner, Pending, Sequence};
use comptoir_domain::time::Timestamp;
use mongodb::bson::doc;
use tokio::time::Instant;

pub(crate) use clear::{Emptied, clear, clear_all, clear_now};
pub(crate) use entries::Entries;
pub(crate) use nudges::{First, Nudges};
pub(crate) use remains::Remains;

use crate::document::Found;
use crate::error::{Failure, Malformed};
use crate::table::{FIND_CHUNK, Query, Table};

/// The most documents that are changed by one command.
const CHUNK: usize = 500;

fn entries_of(found: Found<'_>) -> Result<(String, Vec<(Sequence, OutboxEntry)>), Malformed> {
    let entries = match found.part("outbox")? {
        Some(outbox) => entries::decode(found, outbox)?,
        None => Vec::new(),
    };
    Ok((found.id()?.to_owned(), entries))
}

/// All that these owners have not published; owners without any are left out.
pub(crate) async fn pending(
    table: &Table,
    nudges: &Nudges,
    owners: &[OutboxOwner],
    deadline: Instant,
) -> Result<Vec<Pending>, Failure> {
    let (mut pending, unknown) = nudges.take(owners);
    for owners in unknown.chunks(FIND_CHUNK) {
        let query = Query::ids(owners.iter().map(|owner| &*owner.0)).only(&["outbox"]);
        let found = table.find(query, deadline, entries_of).await?;
        let mut found: HashMap<String, _> = found.into_iter().collect();
        for owner in owners {
            if let Some(mut entries) = found.remove(&owner.0) {
                let through = nudges.remains.through(owner);
                entries.retain(|(at, _)| through.is_none_or(|through| *at > through));
                if !entries.is_empty() {
                    pending.push(Pending { owner: owner.clone(), entries });
                }
            }
        }
    }
    Ok(pending)
}

/// Owners whose oldest event is older than `before`, oldest first, each with that time.
pub(crate) async fn leftovers(
    table: &Table,
    before: Timestamp,
    limit: usize,
    deadline: Instant,
) -> Result<Vec<(i64, OutboxOwner)>, Failure> {
    // To MongoDB, a limit of none is no limit.
    if limit == 0 {
        return Ok(Vec::new());
    }
    let query = Query {
        filter: doc! { "pending_since": { "$lt": before.as_millis() } },
        sort: doc! { "pending_since": 1 },
        limit: Some(limit),
        ..Query::default()
    };
    let owner = |found: Found<'_>| {
        let since = found.document.get_i64("pending_since").map_err(|error| found.wrong(&error))?;
        Ok((since, OutboxOwner(found.id()?.to_owned())))
    };
    table.find(query.only(&["pending_since"]), deadline, owner).await
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, RawDocumentBuf};
    use proptest::prelude::*;

    use super::*;
    use crate::damage::{PAYMENT, document, documents, event, reads};

    fn owner() -> Document {
        let mut owner = document(PAYMENT, doc! {});
        owner.insert("outbox", doc! { "2998": event(), "2999": event() });
        owner
    }

    #[test]
    fn the_example_has_two_events() {
        let stored = RawDocumentBuf::try_from(&owner()).unwrap();
        assert_eq!(entries_of(Found::new("payment", &stored)).unwrap().1.len(), 2);
    }

    proptest! {
        #[test]
        fn any_document_has_an_outbox_or_is_malformed(stored in documents(vec![owner()])) {
            reads(&stored, entries_of)?;
            reads(&stored, clear::Outbox::read)?;
        }
    }
}
