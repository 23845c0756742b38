//! What is there, seen from outside: at once, past all faults, with no chance drawn.

use comptoir_domain::outbox::OutboxOwner;
use comptoir_domain::payment::Payment;
use comptoir_domain::port::bus::{Bounds, GroupInfo};
use comptoir_domain::record::StoredRecord;
use comptoir_domain::stock::{Article, Reservation};
use comptoir_domain::topic::{Partition, Topic, TopicPartition};
use comptoir_domain::user::User;

use crate::Memory;

/// Looks at all of a platform.
impl Memory {
    /// Every user, by id.
    pub fn all_users(&self) -> Vec<User> {
        self.users.look(|kept| kept.table.all().cloned().collect())
    }

    /// Every payment, by id.
    pub fn all_payments(&self) -> Vec<Payment> {
        self.payments.look(|kept| kept.table.all().cloned().collect())
    }

    /// Every article, by code, and every reservation, by payment.
    pub fn all_stock(&self) -> (Vec<Article>, Vec<Reservation>) {
        self.stock.look(|kept| kept.table.all())
    }

    /// Those who have unpublished events.
    pub fn all_unpublished(&self) -> Vec<OutboxOwner> {
        let users = self.users.look(|kept| kept.outbox.owners().cloned().collect::<Vec<_>>());
        let payments = self.payments.look(|kept| kept.outbox.owners().cloned().collect::<Vec<_>>());
        let stock = self.stock.look(|kept| kept.outbox.owners().cloned().collect::<Vec<_>>());
        [users, payments, stock].concat()
    }

    /// Every record of a topic, by partition; none if there is no such topic.
    pub fn all_records(&self, topic: &Topic) -> Vec<(TopicPartition, Vec<StoredRecord>)> {
        let state = self.log.state();
        let bounds = state.records.bounds(topic).unwrap_or_default();
        let records = |(bounds, number): (&Bounds, u32)| {
            let at = TopicPartition { topic: topic.clone(), partition: Partition(number) };
            let records = state.records.read(&at, bounds.earliest, usize::MAX, usize::MAX);
            (at, records.unwrap_or_default())
        };
        bounds.iter().zip(0..).map(records).collect()
    }

    /// Every consumer group, by name.
    pub fn all_groups(&self) -> Vec<GroupInfo> {
        self.log.state().groups.iter().map(|(id, group)| group.info(id)).collect()
    }
}
