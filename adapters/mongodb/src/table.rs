//! One collection: its indexes, and the commands that are run on it.

use std::sync::Arc;

use mongodb::Collection;
use mongodb::bson::{Document, RawArrayBuf, RawDocument, RawDocumentBuf, cstr, doc, rawdoc};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::document::Found;
use crate::error::{Failure, Malformed};
use crate::server::{Server, by, left};

/// An index on a collection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Index {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [&'static str],
    pub(crate) kind: IndexKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexKind {
    Unique,
    /// Of the documents that have the field.
    Sparse,
    /// The same, and no two have it alike.
    UniqueSparse,
}

/// What guarded writes look for. MongoDB would find the document by `_id` alone; others scan without.
pub(crate) const GUARD: Index =
    Index { name: "guard", fields: &["_id", "version"], kind: IndexKind::Unique };

/// What the sweep for leftovers looks for.
pub(crate) const PENDING: Index =
    Index { name: "pending", fields: &["pending_since"], kind: IndexKind::Sparse };

/// The most documents that are asked for by their ids at once. The work of some servers grows with the
/// square of it: they compare each document that they found with each id of the list.
pub(crate) const FIND_CHUNK: usize = 100;

/// What to look for, and how much of it to bring.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) filter: Document,
    pub(crate) projection: Document,
    pub(crate) sort: Document,
    pub(crate) limit: Option<usize>,
}

impl Query {
    /// The documents with these ids.
    pub(crate) fn ids<I: Into<String>>(ids: impl IntoIterator<Item = I>) -> Self {
        let mut ids: Vec<String> = ids.into_iter().map(Into::into).collect();
        ids.sort_unstable();
        ids.dedup();
        let filter = if let [only] = ids.as_slice() {
            doc! { "_id": only }
        } else {
            doc! { "_id": { "$in": ids } }
        };
        Self { filter, ..Self::default() }
    }

    /// Brings these fields alone, and `_id`.
    pub(crate) fn only(mut self, fields: &[&str]) -> Self {
        self.projection = fields.iter().map(|field| ((*field).to_owned(), 1.into())).collect();
        self
    }
}

/// One collection of one service's database.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) server: Arc<Server>,
    database: String,
    name: &'static str,
    /// What one of its documents is, for errors.
    what: &'static str,
    indexes: &'static [Index],
    opened: OnceCell<Open>,
}

#[derive(Debug)]
struct Open {
    collection: Collection<RawDocumentBuf>,
    write_concern: RawDocumentBuf,
}

impl Table {
    pub(crate) fn new(
        server: &Arc<Server>,
        service: &str,
        (name, what): (&'static str, &'static str),
        indexes: &'static [Index],
    ) -> Arc<Self> {
        Arc::new(Self {
            server: Arc::clone(server),
            database: server.database_name(service),
            name,
            what,
            indexes,
            opened: OnceCell::new(),
        })
    }

    pub(crate) fn found<'a>(&self, document: &'a RawDocument) -> Found<'a> {
        Found::new(self.what, document)
    }

    /// The collection, with its indexes. If they cannot be made now, the next call tries again.
    async fn open(&self) -> Result<&Open, Failure> {
        self.opened.get_or_try_init(|| self.prepare()).await
    }

    async fn prepare(&self) -> Result<Open, Failure> {
        let connected = self.server.connected().await?;
        let open = Open {
            collection: connected.database(&self.database).collection(self.name),
            write_concern: connected.write_concern.clone(),
        };
        match self.make_indexes(&open).await {
            // Another process may make the same ones at the same moment; FerretDB fails one of the two.
            Err(failure) if !failure.is_of_nobody() => self.make_indexes(&open).await?,
            made => made?,
        }
        Ok(open)
    }

    /// Makes the indexes that are missing.
    async fn make_indexes(&self, open: &Open) -> Result<(), Failure> {
        const NO_SUCH_COLLECTION: i32 = 26;
        let database = open.collection.client().database(&self.database);
        let listed = database.run_command(doc! { "listIndexes": self.name }).await;
        let listed = match listed.map_err(Failure::from) {
            Err(Failure::Refused(error)) if code(&error) == Some(NO_SUCH_COLLECTION) => {
                Document::new()
            }
            listed => listed?,
        };
        let names = index_names(&listed);
        let missing = self.indexes.iter().filter(|index| !names.contains(&index.name));
        let missing: Vec<Document> = missing.map(Index::specification).collect();
        if !missing.is_empty() {
            let make = doc! { "createIndexes": self.name, "indexes": missing };
            database.run_command(make).await?;
        }
        Ok(())
    }

    /// Reads documents, each by `read`.
    pub(crate) async fn find<T: Send>(
        &self,
        query: Query,
        deadline: Instant,
        read: impl Fn(Found<'_>) -> Result<T, Malformed> + Send + Sync,
    ) -> Result<Vec<T>, Failure> {
        by(deadline, async {
            let open = self.open().await?;
            let find = open.collection.find(query.filter).projection(query.projection);
            let mut find = find.max_time(left(deadline)).batch_size(10_000);
            if !query.sort.is_empty() {
                find = find.sort(query.sort);
            }
            if let Some(limit) = query.limit {
                find = find.limit(i64::try_from(limit).unwrap_or(i64::MAX));
            }
            let mut cursor = find.await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(read(self.found(cursor.current()))?);
            }
            Ok(found)
        })
        .await
    }

    /// Runs `insert`, `update` or `delete` with these statements, in any order; returns the answer.
    pub(crate) async fn write(
        &self,
        kind: Verb,
        statements: RawArrayBuf,
        deadline: Instant,
    ) -> Result<Document, Failure> {
        by(deadline, async {
            let open = self.open().await?;
            let mut command = RawDocumentBuf::new();
            let (verb, list) = match kind {
                Verb::Insert => (cstr!("insert"), cstr!("documents")),
                Verb::Update => (cstr!("update"), cstr!("updates")),
                Verb::Delete => (cstr!("delete"), cstr!("deletes")),
            };
            command.append(verb, self.name);
            command.append(list, statements);
            command.append(cstr!("ordered"), false);
            command.append(cstr!("writeConcern"), &open.write_concern);
            let millis = i64::try_from(left(deadline).as_millis()).unwrap_or(i64::MAX);
            command.append(cstr!("maxTimeMS"), millis);
            let database = open.collection.client().database(&self.database);
            Ok(database.run_raw_command(command).await?)
        })
        .await
    }
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Insert,
    Update,
    Delete,
}

impl Index {
    fn specification(&self) -> Document {
        let key: Document =
            self.fields.iter().map(|field| ((*field).to_owned(), 1.into())).collect();
        match self.kind {
            IndexKind::Unique => doc! { "key": key, "name": self.name, "unique": true },
            IndexKind::Sparse => doc! { "key": key, "name": self.name, "sparse": true },
            IndexKind::UniqueSparse => {
                doc! { "key": key, "name": self.name, "unique": true, "sparse": true }
            }
        }
    }
}

fn index_names(listed: &Document) -> Vec<&str> {
    let cursor = listed.get_document("cursor").ok();
    let batch = cursor.and_then(|cursor| cursor.get_array("firstBatch").ok());
    let names =
        batch.into_iter().flatten().filter_map(|index| index.as_document()?.get_str("name").ok());
    names.collect()
}

fn code(error: &mongodb::error::Error) -> Option<i32> {
    match &*error.kind {
        mongodb::error::ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

/// A statement of `update`.
pub(crate) fn update_statement(filter: RawDocumentBuf, change: RawDocumentBuf) -> RawDocumentBuf {
    rawdoc! { "q": filter, "u": change }
}
