//! Events are published after the save, not stored with it: a crash, or a log that is away, loses them.

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::outbox::OutboxEntry;
use comptoir_domain::payment::Payment;
use comptoir_domain::port::bus::Publisher;
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::store::{PaymentRepository, Save, StoreError, Versioned};
use comptoir_domain::record::Outgoing;
use comptoir_domain::time::Timestamp;
use comptoir_memory::{MemoryLog, MemoryPayments, MemoryStock};

use super::{AsBuilt, Over, Variant};
use crate::gate::{Gated, Ports};
use crate::words::Codec;

pub(crate) struct PublishesBeside;

impl Variant for PublishesBeside {
    const TEST: &'static str = "events_published_beside_the_outbox_are_caught";

    type Groups = Gated<MemoryLog>;
    type Payments = Over<Gated<MemoryPayments>, Beside>;
    type Stock = Gated<MemoryStock>;

    fn groups(ports: &Ports) -> Self::Groups {
        AsBuilt::groups(ports)
    }

    fn payments(ports: &Ports) -> Self::Payments {
        Over { sound: ports.payments(), mistake: Beside(ports.log()) }
    }

    fn stock(ports: &Ports) -> Self::Stock {
        AsBuilt::stock(ports)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Beside(Gated<MemoryLog>);

impl<P: PaymentRepository> PaymentRepository for Over<P, Beside> {
    async fn load(&self, ids: &[PaymentId]) -> Result<Vec<Option<Versioned<Payment>>>, StoreError> {
        self.sound.load(ids).await
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
        let saved = self.sound.save(bare).await?;
        let done = told.into_iter().zip(&saved).filter(|(_, saved)| saved.is_ok());
        let records = done.flat_map(|(told, _)| told).flat_map(outgoing).collect();
        // What goes wrong now cannot be undone.
        let _ = self.mistake.0.publish(records).await;
        Ok(saved)
    }

    async fn answered(&self, key: IdempotencyKey) -> Result<Option<FirstAnswer>, StoreError> {
        self.sound.answered(key).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        self.sound.due(now, limit).await
    }
}

fn outgoing(entry: OutboxEntry) -> Vec<Outgoing> {
    let key = entry.envelope.subject.as_deref().map(str::as_bytes);
    let record = Codec::encode(&entry.envelope, key);
    let topics = entry.topics.into_iter();
    topics.map(|topic| Outgoing { topic, record: record.clone() }).collect()
}
