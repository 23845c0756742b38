//! Stores and their outboxes.

use comptoir_domain::id::{PaymentId, UserId};
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::outbox::{OutboxEntry, OutboxOwner, Pending, Published};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::store::{
    FirstAnswers, Outbox, PaymentRepository, Save, StockRepository, StockWrite, StoreError,
    UserRepository, Versioned,
};
use comptoir_domain::stock::{Article, Reservation, Sku};
use comptoir_domain::time::Timestamp;
use comptoir_domain::user::{User, Username};

use super::Gated;
use crate::tally::Counted;
use crate::words::{brief, outcome};

impl<O: Outbox> Outbox for Gated<O> {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        loop {
            let owners = self.life.alive(self.inner.nudged()).await;
            if !self.life.is_deaf() {
                return owners;
            }
            self.life.tell(format_args!("misses a nudge for {}", owners.len()));
            self.life.world().count(Counted::LostNudges);
        }
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        self.life.call("a look at outboxes", self.inner.pending(owners)).await
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        self.life.call("clearing outboxes", self.inner.clear(published)).await
    }

    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        self.life.call("a look for leftovers", self.inner.leftovers(before, limit)).await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.life.call("a flush", self.inner.flush()).await
    }
}

impl<A: FirstAnswers> FirstAnswers for Gated<A> {
    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.life.call("forgetting answers", self.inner.forget_answers(before, limit)).await
    }
}

impl<U: UserRepository> UserRepository for Gated<U> {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.life.call("a look at a user", self.inner.find(id)).await
    }

    async fn find_by_name(&self, name: &Username) -> Result<Option<User>, StoreError> {
        self.life.call("a look at a user", self.inner.find_by_name(name)).await
    }

    async fn register(&self, user: &User, outbox: Vec<OutboxEntry>) -> Result<(), StoreError> {
        let saved = self.life.call("a save", async {
            let saved = self.inner.register(user, outbox).await;
            self.life.tell(format_args!("saves user {}: {}", brief(&user.id), outcome(&saved)));
            saved
        });
        saved.await
    }

    async fn announce(&self, outbox: Vec<OutboxEntry>) -> Result<(), StoreError> {
        let saved = self.life.call("a save", async {
            let saved = self.inner.announce(outbox).await;
            self.life.tell(format_args!("saves a login: {}", outcome(&saved)));
            saved
        });
        saved.await
    }
}

impl<P: PaymentRepository> PaymentRepository for Gated<P> {
    async fn load(&self, ids: &[PaymentId]) -> Result<Vec<Option<Versioned<Payment>>>, StoreError> {
        self.life.call("a look at payments", self.inner.load(ids)).await
    }

    async fn save(
        &self,
        writes: Vec<Save<Payment>>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let word = |write: &Save<Payment>| {
            format!("payment {} {:?}", brief(&write.state.id), write.state.status)
        };
        let word = |write| self.life.words(|| word(write));
        let words: Vec<_> = writes.iter().map(word).collect();
        let saved = self.life.call("a save", async {
            let saved = self.inner.save(writes).await;
            match &saved {
                Ok(each) => words.iter().zip(each).for_each(|(word, saved)| {
                    self.life.tell(format_args!("saves {word}: {}", outcome(saved)));
                }),
                Err(_) => {
                    self.life.tell(format_args!("saves {}: {}", words.join(", "), outcome(&saved)));
                }
            }
            saved
        });
        saved.await
    }

    async fn answered(&self, key: IdempotencyKey) -> Result<Option<FirstAnswer>, StoreError> {
        self.life.call("a look for an answer", self.inner.answered(key)).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        self.life.call("a look for due payments", self.inner.due(now, limit)).await
    }
}

impl<S: StockRepository> StockRepository for Gated<S> {
    async fn articles(&self) -> Result<Vec<Article>, StoreError> {
        self.life.call("a look at stock", self.inner.articles()).await
    }

    async fn load(&self, skus: &[Sku]) -> Result<Vec<Option<Versioned<Article>>>, StoreError> {
        self.life.call("a look at stock", self.inner.load(skus)).await
    }

    async fn reservations(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<Option<Reservation>>, StoreError> {
        self.life.call("a look at reservations", self.inner.reservations(payments)).await
    }

    async fn answered(
        &self,
        sku: &Sku,
        key: IdempotencyKey,
    ) -> Result<Option<FirstAnswer>, StoreError> {
        self.life.call("a look for an answer", self.inner.answered(sku, key)).await
    }

    async fn apply(&self, write: StockWrite) -> Result<(), StoreError> {
        let what = self.life.words(|| describe(&write));
        let saved = self.life.call("a save", async {
            let saved = self.inner.apply(write).await;
            self.life.tell(format_args!("saves {what}: {}", outcome(&saved)));
            self.life.world().check_books();
            saved
        });
        saved.await
    }
}

fn describe(write: &StockWrite) -> String {
    let article = write.article.as_ref().map(|article| {
        let article = &article.state;
        let counts = (article.available(), article.held(), article.sold());
        format!("{} (available, held, sold) {counts:?}", article.sku())
    });
    let reservations = write.reservations.iter().map(|write| {
        let reservation = &write.reservation;
        let (payment, status) = (brief(&reservation.payment), reservation.status);
        format!("{payment} {status:?} {} pieces", reservation.quantity.pieces())
    });
    article.into_iter().chain(reservations).collect::<Vec<_>>().join(", ")
}
