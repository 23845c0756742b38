//! Frees the space of what retention removed: a compaction leaves out rows before the start of their
//! log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use fjall::compaction::filter::{
    CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict,
};

use super::{PartitionId, parse_record_key};
use crate::sync::lock;

/// The durable log starts, as far as they are not zero.
#[derive(Debug, Clone, Default)]
pub(crate) struct Starts(Arc<Mutex<HashMap<PartitionId, u64>>>);

impl Starts {
    pub(crate) fn set(&self, id: PartitionId, offset: u64) {
        lock(&self.0).insert(id, offset);
    }

    pub(super) fn filter_factory(&self) -> Arc<dyn Factory> {
        Arc::new(self.clone())
    }
}

impl Factory for Starts {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        Box::new(Filter { starts: lock(&self.0).clone() })
    }
}

struct Filter {
    starts: HashMap<PartitionId, u64>,
}

impl CompactionFilter for Filter {
    fn filter_item(&mut self, item: ItemAccessor<'_>, _: &Context) -> CompactionFilterResult {
        // The key is that of the row's last record.
        let removed = parse_record_key(item.key()).is_ok_and(|(id, last)| {
            let start = self.starts.get(&id);
            start.is_some_and(|&start| last < start)
        });
        // No tombstone is needed: a row's key is written once and never again.
        Ok(if removed { Verdict::Destroy } else { Verdict::Keep })
    }
}

#[cfg(test)]
mod tests {
    use fjall::Slice;

    use super::*;
    use crate::keyspaces::{Db, Space, record_key};
    use crate::options::Options;

    const ID: PartitionId = PartitionId { topic: 1, partition: 2 };

    const ROW_BYTES: usize = 8_000;

    fn offsets(db: &Db) -> Vec<u64> {
        let keys = db.space(Space::Log).iter().map(|row| row.key().unwrap());
        keys.map(|key| parse_record_key(&key).unwrap().1).collect()
    }

    #[test]
    fn a_compaction_frees_what_was_removed() {
        let dir = tempfile::tempdir().unwrap();
        let starts = Starts::default();
        let db = Db::open(dir.path(), &Options::default(), &starts).unwrap();
        let log = db.space(Space::Log);
        for last in 0..100_u64 {
            let key = Slice::from(record_key(ID, last));
            // What cannot be compressed.
            let mut row = [0; ROW_BYTES];
            getrandom::fill(&mut row).unwrap();
            db.put(&[(Space::Log, key, Slice::new(&row))]).unwrap();
        }
        log.rotate_memtable_and_wait().unwrap();
        let before = log.disk_space();
        starts.set(ID, 60);
        log.major_compact().unwrap();
        assert!(offsets(&db).into_iter().eq(60..100));
        let freed = before - log.disk_space();
        assert!(freed > 60 * ROW_BYTES as u64 / 2, "{freed} of {before} bytes");
        drop(db);
        let db = Db::open(dir.path(), &Options::default(), &starts).unwrap();
        starts.set(ID, 100);
        db.space(Space::Log).major_compact().unwrap();
        assert!(offsets(&db).is_empty(), "the filter is there after opening again");
    }
}
