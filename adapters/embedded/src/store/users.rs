//! Users, and the index that makes their names unique.

use comptoir_domain::id::UserId;
use comptoir_domain::outbox::OutboxEntry;
use comptoir_domain::port::store::{StoreError, UserRepository};
use comptoir_domain::time::Timestamp;
use comptoir_domain::user::{PasswordHash, User, Username};
use fjall::Slice;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Row, SCHEMA, Users, weight};
use crate::error::{Failure, Malformed};
use crate::keyspaces::{self, Db, Space};
use crate::outbox::{self, Encoded};
use crate::writer::Transaction;

const USER: u8 = b'u';
const NAME: u8 = b'n';

fn user_key(id: UserId) -> Slice {
    keyspaces::id_key(USER, id.as_uuid())
}

fn name_key(name: &Username) -> Slice {
    keyspaces::tagged(NAME, name.key().as_bytes())
}

#[derive(Serialize, Deserialize)]
struct UserRow {
    schema: u32,
    username: String,
    password: String,
    registered_at: i64,
}

impl Row for UserRow {
    const WHAT: &'static str = "a user";

    fn schema(&self) -> u32 {
        self.schema
    }
}

impl UserRow {
    fn of(user: &User) -> Self {
        Self {
            schema: SCHEMA,
            username: user.username.to_string(),
            password: user.password.reveal().to_owned(),
            registered_at: user.registered_at.as_millis(),
        }
    }

    fn into_user(self, id: UserId) -> Result<User, Malformed> {
        let username = Username::try_from(self.username);
        Ok(User {
            id,
            username: username.map_err(|error| Self::wrong(error.to_string()))?,
            password: PasswordHash::new(self.password),
            registered_at: Timestamp::from_millis(self.registered_at),
        })
    }
}

fn find(db: &Db, id: UserId) -> Result<Option<User>, Failure> {
    let row = db.get(Space::State, &user_key(id))?;
    Ok(row.map(|row| UserRow::decode(&row)?.into_user(id)).transpose()?)
}

fn find_by_name(db: &Db, name: &Slice) -> Result<Option<User>, Failure> {
    let Some(id) = db.get(Space::State, name)? else {
        return Ok(None);
    };
    let id = Uuid::from_slice(&id);
    let id = id.map_err(|_| Malformed::new("a username", "its user's id cannot be read"))?;
    find(db, UserId::new(id))
}

impl UserRepository for Users {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.0.read(move |db| find(db, id)).await?)
    }

    async fn find_by_name(&self, name: &Username) -> Result<Option<User>, StoreError> {
        let name = name_key(name);
        Ok(self.0.read(move |db| find_by_name(db, &name)).await?)
    }

    async fn register(&self, user: &User, outbox: Vec<OutboxEntry>) -> Result<(), StoreError> {
        let (id, row) = (user.id, UserRow::of(user).encode());
        let name = name_key(&user.username);
        let outbox = Encoded::all(&outbox);
        let bytes = weight(&outbox);
        let register = move |tx: &mut Transaction<'_>| {
            if tx.get(Space::State, &name)?.is_some() {
                return Err(StoreError::Duplicate { field: "username" });
            }
            tx.put(Space::State, user_key(id), row);
            tx.put(Space::State, name, id.as_uuid().as_bytes().as_slice());
            Ok(outbox::add(tx, outbox::USERS, &id.to_string(), &outbox)?)
        };
        self.0.write(bytes, register).await
    }

    async fn announce(&self, outbox: Vec<OutboxEntry>) -> Result<(), StoreError> {
        if outbox.is_empty() {
            return Ok(());
        }
        let outbox = Encoded::all(&outbox);
        let bytes = weight(&outbox);
        let announce = move |tx: &mut Transaction<'_>| {
            // A number that is used once makes an owner that nobody else is.
            let owner = format!("announced-{}", outbox::next_sequence(tx)?);
            outbox::add(tx, outbox::USERS, &owner, &outbox)
        };
        self.0.write(bytes, announce).await.map_err(|failure: Failure| failure.into())
    }
}
