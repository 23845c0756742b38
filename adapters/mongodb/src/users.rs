//! Users, whose names are unique by an index, and announcements: events that belong to no state, each
//! in a document that is removed when it was published.

use std::fmt;
use std::sync::Arc;

use comptoir_domain::id::UserId;
use comptoir_domain::outbox::{OutboxEntry, OutboxOwner, Pending, Published};
use comptoir_domain::port::store::{Outbox, StoreError, UserRepository, Version};
use comptoir_domain::time::Timestamp;
use comptoir_domain::user::{PasswordHash, User, Username};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{cstr, doc, rawdoc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::document::Found;
use crate::error::{Failure, Malformed};
use crate::outbox::{self, Emptied, Entries, Nudges};
use crate::server::Server;
use crate::table::{GUARD, Index, IndexKind, PENDING, Query, Table, Verb};
use crate::write::{Draft, Outcome, Writer};

const NAME: Index = Index { name: "username", fields: &["name_key"], kind: IndexKind::Unique };

/// What the ids of announcements begin with; no user's id does.
const ANNOUNCED: &str = "announced-";

/// Keeps users.
#[derive(Clone)]
pub struct Users(Arc<Kept>);

struct Kept {
    users: Arc<Table>,
    announced: Arc<Table>,
    nudges: Arc<Nudges>,
    registrations: Writer,
    announcements: Writer,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

/// A user's `state`.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    username: String,
    password: String,
    registered_at: i64,
}

fn read(found: Found<'_>) -> Result<User, Malformed> {
    let state: State = found.whole_state()?;
    Ok(User {
        id: found.accept(found.id()?.parse())?,
        username: found.accept(Username::try_from(state.username))?,
        password: PasswordHash::new(state.password),
        registered_at: Timestamp::from_millis(state.registered_at),
    })
}

fn draft(user: &User, outbox: &[OutboxEntry]) -> Result<Draft, Failure> {
    let state = rawdoc! {
        "username": user.username.as_str(),
        "password": user.password.reveal(),
        "registered_at": user.registered_at.as_millis(),
    };
    let outbox = Entries::of(Version::NEW.next(), outbox)?;
    Ok(Draft::new(user.id.to_string(), Version::NEW, outbox)
        .with(cstr!("name_key"), user.username.key())
        .with(cstr!("state"), state))
}

impl Users {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        const SERVICE: &str = "users-service";
        let users = Table::new(server, SERVICE, ("users", "user"), &[GUARD, PENDING, NAME]);
        let announced =
            Table::new(server, SERVICE, ("announcements", "announcement"), &[GUARD, PENDING]);
        let nudges = Arc::default();
        Self(Arc::new(Kept {
            registrations: Writer::new(&users, Verb::Insert, &nudges),
            announcements: Writer::new(&announced, Verb::Insert, &nudges),
            users,
            announced,
            nudges,
        }))
    }

    async fn find_one(&self, query: Query) -> Result<Option<User>, StoreError> {
        let query = query.only(&["version", "schema", "state"]);
        Ok(self.0.users.find(query, self.deadline(), read).await?.pop())
    }

    fn deadline(&self) -> Instant {
        self.0.users.server.deadline()
    }
}

impl UserRepository for Users {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.find_one(Query::ids([id.to_string()])).await
    }

    async fn find_by_name(&self, name: &Username) -> Result<Option<User>, StoreError> {
        let filter = doc! { "name_key": name.key() };
        self.find_one(Query { filter, ..Query::default() }).await
    }

    async fn register(&self, user: &User, outbox: Vec<OutboxEntry>) -> Result<(), StoreError> {
        let write = draft(user, &outbox)?.into_write();
        match only(self.0.registrations.write(vec![write], self.deadline()).await?)? {
            Outcome::Saved => Ok(()),
            Outcome::Stale | Outcome::Taken => Err(StoreError::Duplicate { field: "username" }),
        }
    }

    async fn announce(&self, outbox: Vec<OutboxEntry>) -> Result<(), StoreError> {
        if outbox.is_empty() {
            return Ok(());
        }
        let owner = format!("{ANNOUNCED}{}", ObjectId::new());
        let outbox = Entries::of(Version::NEW.next(), &outbox)?;
        let write = Draft::new(owner, Version::NEW, outbox).into_write();
        only(self.0.announcements.write(vec![write], self.deadline()).await?)?;
        Ok(())
    }
}

/// The answer to the only write.
fn only(mut answers: Vec<Result<Outcome, Failure>>) -> Result<Outcome, Failure> {
    answers.pop().unwrap_or(Err(Failure::Defect))
}

impl Outbox for Users {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        self.0.nudges.nudged().await
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        let deadline = self.deadline();
        let (announced, users): (Vec<_>, Vec<_>) =
            owners.iter().cloned().partition(|owner| owner.0.starts_with(ANNOUNCED));
        let nudges = &self.0.nudges;
        let mut pending = outbox::pending(&self.0.users, nudges, &users, deadline).await?;
        pending.extend(outbox::pending(&self.0.announced, nudges, &announced, deadline).await?);
        Ok(pending)
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        let deadline = self.deadline();
        let (announced, users): (Vec<_>, Vec<_>) =
            published.iter().cloned().partition(|one| one.owner.0.starts_with(ANNOUNCED));
        let nudges = &self.0.nudges;
        outbox::clear_now(&self.0.users, nudges, (&users, Emptied::Stays), deadline).await?;
        let announced = (&*announced, Emptied::Goes);
        Ok(outbox::clear_now(&self.0.announced, nudges, announced, deadline).await?)
    }

    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        let deadline = self.deadline();
        let mut found = outbox::leftovers(&self.0.users, before, limit, deadline).await?;
        found.extend(outbox::leftovers(&self.0.announced, before, limit, deadline).await?);
        found.sort();
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, owner)| owner).collect())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        // What is cleared is durable at once.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::damage::{document, documents, reads};

    proptest! {
        #[test]
        fn any_document_is_a_user_or_malformed(stored in documents(vec![user()])) {
            reads(&stored, read)?;
        }
    }

    fn user() -> mongodb::bson::Document {
        let state = doc! { "username": "alice", "password": "$pbkdf2$", "registered_at": 1_i64 };
        document("0192d3a4-0000-7000-8000-000000000001", state)
    }

    #[test]
    fn the_example_is_a_user() {
        let stored = mongodb::bson::RawDocumentBuf::try_from(&user()).unwrap();
        assert_eq!(read(Found::new("user", &stored)).unwrap().username.as_str(), "alice");
    }
}
