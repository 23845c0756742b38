//! Users.

use std::collections::BTreeMap;

use comptoir_domain::id::UserId;
use comptoir_domain::outbox::OutboxEntry;
use comptoir_domain::port::store::{StoreError, UserRepository};
use comptoir_domain::user::{User, Username};

use crate::outbox::{Kept, MemoryRepository};
use crate::script::Fault;

/// Users by id, and their names.
#[derive(Debug, Default)]
pub struct UserTable {
    by_id: BTreeMap<UserId, User>,
    ids: BTreeMap<String, UserId>,
}

/// Keeps users.
pub type MemoryUsers = MemoryRepository<UserTable>;

impl UserTable {
    pub(crate) fn all(&self) -> impl Iterator<Item = &User> {
        self.by_id.values()
    }
}

impl Kept<UserTable> {
    fn register(&mut self, user: &User, outbox: Vec<OutboxEntry>) -> Result<(), StoreError> {
        let name = user.username.key();
        if self.table.ids.contains_key(&name) {
            return Err(StoreError::Duplicate { field: "username" });
        }
        if self.table.by_id.contains_key(&user.id) {
            return Err(StoreError::Duplicate { field: "id" });
        }
        self.table.ids.insert(name, user.id);
        self.table.by_id.insert(user.id, user.clone());
        self.outbox.put(&user.id, outbox);
        Ok(())
    }
}

/// Nothing about a user is guarded by a version, so a planned conflict can only be an absence.
fn unguarded(error: StoreError) -> StoreError {
    match error {
        StoreError::Conflict => StoreError::Unavailable(Fault::Conflict.cause()),
        other => other,
    }
}

impl UserRepository for MemoryUsers {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read(|kept| kept.table.by_id.get(&id).cloned()).await
    }

    async fn find_by_name(&self, name: &Username) -> Result<Option<User>, StoreError> {
        let name = name.key();
        self.read(|kept| {
            let id = kept.table.ids.get(&name)?;
            kept.table.by_id.get(id).cloned()
        })
        .await
    }

    async fn register(&self, user: &User, outbox: Vec<OutboxEntry>) -> Result<(), StoreError> {
        self.write(|kept, _| kept.register(user, outbox)).await.map_err(unguarded)?
    }

    async fn announce(&self, outbox: Vec<OutboxEntry>) -> Result<(), StoreError> {
        self.write(|kept, _| kept.outbox.put_alone(outbox)).await.map_err(unguarded)
    }
}
