//! The first answer is not kept with the payment: who repeats a request pays again.

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::store::{PaymentRepository, Save, StoreError, Versioned};
use comptoir_domain::time::Timestamp;
use comptoir_memory::{MemoryLog, MemoryPayments, MemoryStock};

use super::{AsBuilt, Over, Variant};
use crate::gate::{Gated, Ports};

pub(crate) struct KeepsNoAnswers;

impl Variant for KeepsNoAnswers {
    const TEST: &'static str = "payments_that_do_not_keep_first_answers_are_caught";

    type Groups = Gated<MemoryLog>;
    type Payments = Over<Gated<MemoryPayments>, NoAnswers>;
    type Stock = Gated<MemoryStock>;

    fn groups(ports: &Ports) -> Self::Groups {
        AsBuilt::groups(ports)
    }

    fn payments(ports: &Ports) -> Self::Payments {
        Over { sound: ports.payments(), mistake: NoAnswers }
    }

    fn stock(ports: &Ports) -> Self::Stock {
        AsBuilt::stock(ports)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct NoAnswers;

impl<P: PaymentRepository> PaymentRepository for Over<P, NoAnswers> {
    async fn load(&self, ids: &[PaymentId]) -> Result<Vec<Option<Versioned<Payment>>>, StoreError> {
        self.sound.load(ids).await
    }

    async fn save(
        &self,
        writes: Vec<Save<Payment>>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let bare = writes.into_iter().map(|write| Save { answer: None, ..write });
        self.sound.save(bare.collect()).await
    }

    async fn answered(&self, _: IdempotencyKey) -> Result<Option<FirstAnswer>, StoreError> {
        Ok(None)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        self.sound.due(now, limit).await
    }
}
