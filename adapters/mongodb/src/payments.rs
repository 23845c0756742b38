//! Payments. Those that wait for their time to be up have it in a field of its own.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::outbox::{OutboxOwner, Pending, Published};
use comptoir_domain::payment::{Payment, PaymentStatus};
use comptoir_domain::port::store::{
    FirstAnswers, Outbox, PaymentRepository, Save, StoreError, Version, Versioned,
};
use comptoir_domain::time::Timestamp;
use mongodb::bson::{cstr, doc, rawdoc};

use crate::answers;
use crate::error::Failure;
use crate::outbox::{self, Entries, Nudges, Remains};
use crate::server::Server;
use crate::table::{
    FIND_CHUNK, GUARD, Index, IndexKind, PENDING, Query, Table, Verb, update_statement,
};
use crate::write::{Draft, Outcome, Writer};

mod state;

use state::{State, read, read_id};

const DUE: Index = Index { name: "due", fields: &["due_at"], kind: IndexKind::Sparse };
const KEY: Index =
    Index { name: "key", fields: &["idempotency_key"], kind: IndexKind::UniqueSparse };
const ANSWERED: Index =
    Index { name: "answered", fields: &["answered_at"], kind: IndexKind::Sparse };

/// Keeps payments.
#[derive(Clone)]
pub struct Payments(Arc<Kept>);

struct Kept {
    table: Arc<Table>,
    nudges: Arc<Nudges>,
    inserts: Writer,
    updates: Writer,
}

impl fmt::Debug for Payments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payments").finish_non_exhaustive()
    }
}

impl Payments {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        const INDEXES: &[Index] = &[GUARD, PENDING, DUE, KEY, ANSWERED];
        let table = Table::new(server, "payments-service", ("payments", "payment"), INDEXES);
        let nudges = Arc::default();
        Self(Arc::new(Kept {
            inserts: Writer::new(&table, Verb::Insert, &nudges),
            updates: Writer::new(&table, Verb::Update, &nudges),
            table,
            nudges,
        }))
    }
}

fn draft(save: &Save<Payment>, remains: &Remains) -> Result<Draft, Failure> {
    let Save { state, expected, outbox, answer } = save;
    let outbox = Entries::of(expected.next(), outbox)?;
    let mut draft = Draft::new(state.id.to_string(), *expected, outbox)
        .after(remains)
        .with(cstr!("state"), State::of(state).part()?);
    if let Some(answer) = answer {
        draft = draft
            .with(cstr!("idempotency_key"), answers::key_text(answer.key))
            .with(cstr!("answer"), answers::part(answer))
            .with(cstr!("answered_at"), answer.at.as_millis());
    }
    Ok(if state.status == PaymentStatus::Pending {
        draft.with(cstr!("due_at"), state.expires_at.as_millis())
    } else {
        draft.without(cstr!("due_at"))
    })
}

impl PaymentRepository for Payments {
    async fn load(&self, ids: &[PaymentId]) -> Result<Vec<Option<Versioned<Payment>>>, StoreError> {
        let table = &self.0.table;
        let deadline = table.server.deadline();
        let mut stored = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(FIND_CHUNK) {
            let query = Query::ids(ids.iter().map(ToString::to_string));
            let query = query.only(&["version", "schema", "state"]);
            let found = table.find(query, deadline, read).await?;
            stored.extend(found.into_iter().map(|payment| (payment.state.id, payment)));
        }
        Ok(ids.iter().map(|id| stored.get(id).cloned()).collect())
    }

    async fn save(
        &self,
        writes: Vec<Save<Payment>>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let deadline = self.0.table.server.deadline();
        let mut answers: Vec<Option<Result<(), StoreError>>> = Vec::new();
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for save in &writes {
            match draft(save, &self.0.nudges.remains) {
                Err(failure) => {
                    answers.push(Some(Err(failure.into())));
                    continue;
                }
                Ok(draft) if save.expected == Version::NEW => new.push(draft.into_write()),
                Ok(draft) => known.push(draft.into_write()),
            }
            answers.push(None);
        }
        let new = self.0.inserts.write(new, deadline);
        let known = self.0.updates.write(known, deadline);
        let (new, known) = futures::future::join(new, known).await;
        // That nothing is known of one half does not hide what is known of the other.
        let (mut new, mut known) = (each(new), each(known));
        let answer = |(answer, save): (Option<_>, &Save<Payment>)| {
            let half = if save.expected == Version::NEW { &mut new } else { &mut known };
            answer.unwrap_or_else(half)
        };
        Ok(answers.into_iter().zip(&writes).map(answer).collect())
    }

    async fn answered(&self, key: IdempotencyKey) -> Result<Option<FirstAnswer>, StoreError> {
        let table = &self.0.table;
        let filter = doc! { "idempotency_key": answers::key_text(key) };
        let query = Query { filter, ..Query::default() }.only(&["answer"]);
        let found =
            table.find(query, table.server.deadline(), |found| answers::read(found, "answer"));
        Ok(found.await?.pop().flatten())
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        // To MongoDB, a limit of none is no limit.
        if limit == 0 {
            return Ok(Vec::new());
        }
        let (table, deadline) = (&self.0.table, self.0.table.server.deadline());
        outbox::clear_all(table, &self.0.nudges, deadline).await?;
        let unpublished = doc! { "$exists": false };
        let query = Query {
            filter: doc! { "due_at": { "$lte": now.as_millis() }, "pending_since": unpublished },
            sort: doc! { "due_at": 1 },
            limit: Some(limit),
            ..Query::default()
        };
        let query = query.only(&["due_at"]);
        Ok(table.find(query, deadline, read_id).await?)
    }
}

/// Gives out the answers of one command, or the same failure for each.
fn each(
    answers: Result<Vec<Result<Outcome, Failure>>, Failure>,
) -> impl FnMut() -> Result<(), StoreError> {
    let (answers, failure) = match answers {
        Ok(answers) => (answers, Failure::Defect),
        Err(failure) => (Vec::new(), failure),
    };
    let mut answers = answers.into_iter();
    move || match answers.next().unwrap_or_else(|| Err(failure.clone())) {
        Ok(Outcome::Saved) => Ok(()),
        Ok(Outcome::Stale) => Err(StoreError::Conflict),
        Ok(Outcome::Taken) => Err(StoreError::ANSWERED),
        Err(failure) => Err(failure.into()),
    }
}

impl FirstAnswers for Payments {
    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let (table, deadline) = (&self.0.table, self.0.table.server.deadline());
        let old = answers::old("answered_at", before, limit);
        let found = table.find(old, deadline, |found| Ok(found.id()?.to_owned())).await?;
        // What was answered with a payment does not change, so what was found is still so.
        let forget = |id: &String| {
            let fields = rawdoc! { "idempotency_key": "", "answer": "", "answered_at": "" };
            update_statement(rawdoc! { "_id": id.as_str() }, rawdoc! { "$unset": fields })
        };
        answers::forget(table, Verb::Update, found.iter().map(forget), deadline).await?;
        Ok(found.len())
    }
}

impl Outbox for Payments {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        self.0.nudges.nudged().await
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        let table = &self.0.table;
        Ok(outbox::pending(table, &self.0.nudges, owners, table.server.deadline()).await?)
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        let table = &self.0.table;
        Ok(outbox::clear(table, &self.0.nudges, published, table.server.deadline()).await?)
    }

    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        let table = &self.0.table;
        let deadline = table.server.deadline();
        outbox::clear_all(table, &self.0.nudges, deadline).await?;
        let found = outbox::leftovers(table, before, limit, deadline).await?;
        Ok(found.into_iter().map(|(_, owner)| owner).collect())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let Kept { table, nudges, .. } = &*self.0;
        Ok(outbox::clear_all(table, nudges, table.server.deadline()).await?)
    }
}
