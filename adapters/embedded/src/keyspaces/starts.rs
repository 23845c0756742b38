//! Frees the space of what retention removed: a compaction leaves out rows before the start of their
//! log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use fjall::compaction::filter::{
    CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict,
};

use super::{PartitionId, parse_record_key};
use crate::log::batch;
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
        Box::new(Filter {
            starts: lock(&self.0).clone(),
        })
    }
}

struct Filter {
    starts: HashMap<PartitionId, u64>,
}

impl CompactionFilter for Filter {
    fn filter_item(&mut self, item: ItemAccessor<'_>, _: &Context) -> CompactionFilterResult {
        let removed = match parse_record_key(item.key()) {
            Ok((id, first)) => match self.starts.get(&id) {
                // What comes next is decided by the value only where it must be.
                Some(&start) if first < start => {
                    let count = batch::decode_stamp(&item.value()?).map_or(u32::MAX, |s| s.count);
                    start - first >= u64::from(count)
                }
                _ => false,
            },
            Err(_) => false,
        };
        // No tombstone is needed: a row's key is written once and never again.
        Ok(if removed {
            Verdict::Destroy
        } else {
            Verdict::Keep
        })
    }
}
