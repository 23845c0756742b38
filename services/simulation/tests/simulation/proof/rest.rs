//! Whether the shop has come to rest.

use comptoir_domain::payment::PaymentStatus;
use comptoir_domain::topic::{Offset, Topic};

use crate::reader::Read;
use crate::shop::Shop;
use crate::words::brief;

/// What is still to be done; `None` once the shop is at rest.
pub(crate) fn unrest(shop: &Shop, read: &Read) -> Option<String> {
    let memory = &shop.world.memory;
    let payments = memory.all_payments();
    if let Some(payment) = payments.iter().find(|p| p.status == PaymentStatus::Pending) {
        return Some(format!("no payment stays pending: {} does", brief(&payment.id)));
    }
    if let Some(owner) = memory.all_unpublished().first() {
        return Some(format!("every event is published: those of {} are not", brief(&owner.0)));
    }
    let records = |topic: &Topic| memory.all_records(topic);
    let groups = memory.all_groups();
    for topic in [&shop.topics.notifications, &shop.topics.inventories, &shop.topics.stock] {
        for (at, records) in records(topic) {
            let end = records.last().map_or(Offset::ZERO, |last| last.offset.next());
            let mut committed = groups.iter().flat_map(|group| &group.committed);
            if end > Offset::ZERO && !committed.any(|(of, next)| *of == at && *next == end) {
                return Some(format!("every event is handled: {at} is not, up to {end}"));
            }
        }
    }
    let lines: usize = records(&shop.topics.logs).iter().map(|(_, records)| records.len()).sum();
    (read.records != lines as u64)
        .then(|| format!("every line is shown: {} of {lines} are", read.records))
}
