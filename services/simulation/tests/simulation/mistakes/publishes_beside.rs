//! Events are published after the save, not stored with it: a crash, or a log that is away, loses them.

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::outbox::{OutboxEntry, OutboxOwner, Pending, Published};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::bus::Publisher;
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::store::{
    FirstAnswers, Outbox, PaymentRepository, Save, StoreError, Versioned,
};
use comptoir_domain::record::Outgoing;
use comptoir_domain::time::Timestamp;
use comptoir_memory::{MemoryLog, MemoryPayments, MemoryStock};

use super::{AsBuilt, Variant};
use crate::gate::{Gated, Ports};
use crate::words::Codec;

pub(crate) struct PublishesBeside;

impl Variant for PublishesBeside {
    const TEST: &'static str = "events_published_beside_the_outbox_are_caught";

    type Groups = Gated<MemoryLog>;
    type Payments = Beside<Gated<MemoryPayments>>;
    type Stock = Gated<MemoryStock>;

    fn groups(ports: &Ports) -> Self::Groups {
        AsBuilt::groups(ports)
    }

    fn payments(ports: &Ports) -> Self::Payments {
        Beside(ports.payments(), ports.log())
    }

    fn stock(ports: &Ports) -> Self::Stock {
        AsBuilt::stock(ports)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Beside<P>(P, Gated<MemoryLog>);

impl<P: PaymentRepository> PaymentRepository for Beside<P> {
    async fn load(&self, ids: &[PaymentId]) -> Result<Vec<Option<Versioned<Payment>>>, StoreError> {
        self.0.load(ids).await
    }

    async fn save(
        &self,
        writes: Vec<Save<Payment>>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let (mut bare, mut told) = (Vec::new(), Vec::new());
        for write in writes {
            told.push(write.outbox);
            bare.push(Save { outbox: Vec::new(), ..write });
        }
        let saved = self.0.save(bare).await?;
        let done = told.into_iter().zip(&saved).filter(|(_, saved)| saved.is_ok());
        let records = done.flat_map(|(told, _)| told).flat_map(outgoing).collect();
        // What goes wrong now cannot be undone.
        let _ = self.1.publish(records).await;
        Ok(saved)
    }

    async fn answered(&self, key: IdempotencyKey) -> Result<Option<FirstAnswer>, StoreError> {
        self.0.answered(key).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        self.0.due(now, limit).await
    }
}

fn outgoing(entry: OutboxEntry) -> Vec<Outgoing> {
    let key = entry.envelope.subject.as_deref().map(str::as_bytes);
    let record = Codec::encode(&entry.envelope, key);
    let topics = entry.topics.into_iter();
    topics.map(|topic| Outgoing { topic, record: record.clone() }).collect()
}

impl<P: FirstAnswers> FirstAnswers for Beside<P> {
    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.0.forget_answers(before, limit).await
    }
}

impl<P: Outbox> Outbox for Beside<P> {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        self.0.nudged().await
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        self.0.pending(owners).await
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        self.0.clear(published).await
    }

    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        self.0.leftovers(before, limit).await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.0.flush().await
    }
}
