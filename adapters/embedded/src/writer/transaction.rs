//! A group of commands being decided; each of them sees what those before it wrote.

use std::collections::HashMap;
use std::sync::Arc;

use comptoir_domain::time::Timestamp;
use fjall::{OwnedWriteBatch, Slice};

use super::Command;
use crate::error::Failure;
use crate::keyspaces::{Db, Space};
use crate::log::{PartitionLog, Row};
use crate::shared::Shared;

struct Write {
    space: Space,
    key: Slice,
    /// `None` removes the row.
    value: Option<Slice>,
}

impl Write {
    fn of_log((key, row): Row) -> Self {
        Self { space: Space::Log, key, value: Some(row) }
    }
}

/// Told once the group is durable.
type Effect = Box<dyn FnOnce(&Shared) + Send>;

/// Everything that a group writes.
pub(super) struct Group {
    db: Arc<Db>,
    now: Timestamp,
    writes: Vec<Write>,
    /// Where in `writes` a row is. fjall gives all writes of a batch one sequence number, so no row
    /// may be in it twice. Records of the log are left out: nobody reads or writes them again.
    rows: HashMap<(Space, Slice), usize>,
    effects: Vec<Effect>,
    appended: Vec<Arc<PartitionLog>>,
}

impl Group {
    pub(super) fn new(db: Arc<Db>, now: Timestamp) -> Self {
        Self {
            db,
            now,
            writes: Vec::new(),
            rows: HashMap::new(),
            effects: Vec::new(),
            appended: Vec::new(),
        }
    }

    /// Runs one command; if it fails, nothing of it stays in the group.
    pub(super) fn run(&mut self, command: &mut dyn Command) {
        let (writes, effects) = (self.writes.len(), self.effects.len());
        let mut tx = Transaction { group: self, replaced: Vec::new(), has_appended: false };
        let keep = command.run(&mut tx);
        let Transaction { replaced, has_appended, .. } = tx;
        if keep {
            return;
        }
        assert!(!has_appended, "offsets that were given cannot be taken back");
        for (at, value) in replaced.into_iter().rev() {
            self.writes[at].value = value;
        }
        for write in self.writes.drain(writes..) {
            self.rows.remove(&(write.space, write.key));
        }
        self.effects.truncate(effects);
    }

    /// Writes everything in one batch.
    pub(super) fn commit(&mut self) -> fjall::Result<()> {
        for row in self.appended.iter().filter_map(|partition| partition.seal()) {
            self.writes.push(Write::of_log(row));
        }
        let database = self.db.database.clone();
        let mut batch = OwnedWriteBatch::with_capacity(database, self.writes.len() + 1);
        for write in self.writes.drain(..) {
            let space = self.db.space(write.space);
            match write.value {
                Some(value) => batch.insert(space, write.key, value),
                None => batch.remove(space, write.key),
            }
        }
        self.db.commit(batch)
    }

    /// Shows what has become durable.
    pub(super) fn publish(self, shared: &Shared) {
        for partition in &self.appended {
            partition.commit();
        }
        for effect in self.effects {
            effect(shared);
        }
    }

    /// Forgets the group.
    pub(super) fn roll_back(self) {
        for partition in &self.appended {
            partition.roll_back();
        }
    }
}

/// The database as one command sees it.
pub(crate) struct Transaction<'g> {
    group: &'g mut Group,
    /// Rows of earlier commands that this one wrote over, with what they were.
    replaced: Vec<(usize, Option<Slice>)>,
    has_appended: bool,
}

impl Transaction<'_> {
    pub(crate) fn get(&self, space: Space, key: &Slice) -> Result<Option<Slice>, Failure> {
        // Cloning a key copies at most 20 bytes, or counts a reference.
        match self.group.rows.get(&(space, key.clone())) {
            Some(&at) => Ok(self.group.writes[at].value.clone()),
            None => self.group.db.get(space, key),
        }
    }

    pub(crate) fn put(&mut self, space: Space, key: Slice, value: impl Into<Slice>) {
        self.write(space, key, Some(value.into()));
    }

    pub(crate) fn remove(&mut self, space: Space, key: Slice) {
        self.write(space, key, None);
    }

    fn write(&mut self, space: Space, key: Slice, value: Option<Slice>) {
        let Group { writes, rows, .. } = &mut *self.group;
        if let Some(&at) = rows.get(&(space, key.clone())) {
            let before = std::mem::replace(&mut writes[at].value, value);
            self.replaced.push((at, before));
        } else {
            rows.insert((space, key.clone()), writes.len());
            writes.push(Write { space, key, value });
        }
    }

    /// Appends an encoded record and returns its offset. A command that has appended must not fail.
    pub(crate) fn append(&mut self, to: &Arc<PartitionLog>, encoded: &[u8]) -> u64 {
        let appended = to.append(encoded, self.group.now.as_millis());
        if appended.is_first {
            self.group.appended.push(Arc::clone(to));
        }
        self.group.writes.extend(appended.full.map(Write::of_log));
        self.has_appended = true;
        appended.offset
    }

    /// Does something once the group is durable, before any caller is answered.
    pub(crate) fn after(&mut self, effect: impl FnOnce(&Shared) + Send + 'static) {
        self.group.effects.push(Box::new(effect));
    }
}
