//! Stores: one repository per aggregate, each keeping the aggregate's outbox with it.

use std::future::Future;

use thiserror::Error;

use crate::id::{PaymentId, UserId};
use crate::idempotency::{FirstAnswer, IdempotencyKey};
use crate::outbox::{OutboxEntry, OutboxOwner, Pending, Published};
use crate::payment::Payment;
use crate::port::BoxError;
use crate::stock::{Article, Reservation, ReservationStatus, Sku};
use crate::time::Timestamp;
use crate::user::{User, Username};

/// What a store could not do, by what its caller can do about it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The stored version is another one: read again, decide again.
    #[error("the record changed since it was read")]
    Conflict,
    /// Something that must be unique is there already.
    #[error("a record with the same {field} exists")]
    Duplicate {
        /// What must be unique.
        field: &'static str,
    },
    /// The store does not answer, or has no room; whether the write happened is unknown. Try later.
    #[error("the store cannot be reached")]
    Unavailable(#[source] BoxError),
    /// What is stored cannot be read, or what was to be stored never can be. No waiting mends that.
    #[error("a record cannot be read or written")]
    Corrupt(#[source] BoxError),
}

/// Counts the saves of one aggregate, from 1. [`Version::NEW`] says that there is none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

impl Version {
    /// Expected by the first save.
    pub const NEW: Self = Self(0);

    /// The version after one more save.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A state with the version to present when saving over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The state.
    pub state: T,
    /// Its version.
    pub version: Version,
}

/// One guarded write: a state over the version it was decided on, and the events that tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save<T> {
    /// The new state.
    pub state: T,
    /// The version it replaces.
    pub expected: Version,
    /// What goes into the outbox with it.
    pub outbox: Vec<OutboxEntry>,
    /// What is answered to the request behind it, if that carries a key. Only the first save of a
    /// state may bring one.
    pub answer: Option<FirstAnswer>,
}

impl StoreError {
    /// An answer under the same idempotency key is kept already.
    pub const ANSWERED: Self = Self::Duplicate { field: "idempotency key" };
}

/// First answers to requests that carried an idempotency key. Each is kept with what its request
/// changed, in one step, and under each key there is never more than one.
pub trait FirstAnswers: Clone + Send + Sync + 'static {
    /// Forgets answers that were given before `before`, at most about `limit`, and says how many.
    fn forget_answers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;
}

/// The unpublished events of a repository's aggregates.
pub trait Outbox: Clone + Send + Sync + 'static {
    /// Waits until saves of this process have put events into outboxes, and says whose, each once.
    /// The queue behind it is bounded; what does not fit is left to [`Outbox::leftovers`].
    /// Dropping the future loses none.
    fn nudged(&self) -> impl Future<Output = Vec<OutboxOwner>> + Send;

    /// All that these owners have not published, each owner's in sequence; owners without any are
    /// left out.
    fn pending(
        &self,
        owners: &[OutboxOwner],
    ) -> impl Future<Output = Result<Vec<Pending>, StoreError>> + Send;

    /// Forgets what was published. Events saved meanwhile stay. Forgetting twice is no error, and it
    /// changes no version. Should the process die within the next second or so, other processes may
    /// still find it unpublished.
    fn clear(&self, published: &[Published])
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Makes durable what was forgotten, where [`Outbox::clear`] has not done so at once.
    fn flush(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Owners whose oldest unpublished event is older than `before`, oldest first, at most `limit`.
    fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<OutboxOwner>, StoreError>> + Send;
}

/// Users.
pub trait UserRepository: Outbox {
    /// The user of that id.
    fn find(&self, id: UserId) -> impl Future<Output = Result<Option<User>, StoreError>> + Send;

    /// The user of that name, without regard to case.
    fn find_by_name(
        &self,
        name: &Username,
    ) -> impl Future<Output = Result<Option<User>, StoreError>> + Send;

    /// Stores a new user and the events about it.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] with `username` if the name is taken; then nothing is written.
    fn register(
        &self,
        user: &User,
        outbox: Vec<OutboxEntry>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores events that change no user, such as a login. Their owner is theirs alone.
    fn announce(
        &self,
        outbox: Vec<OutboxEntry>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Payments.
pub trait PaymentRepository: Outbox + FirstAnswers {
    /// The payments of these ids, in the order of the ids.
    fn load(
        &self,
        ids: &[PaymentId],
    ) -> impl Future<Output = Result<Vec<Option<Versioned<Payment>>>, StoreError>> + Send;

    /// Writes each payment with its events if the stored version is the expected one. Each write is
    /// atomic and has its own answer, in the order of the writes: [`StoreError::Conflict`] for a
    /// stale one and [`StoreError::ANSWERED`] for one whose answer has a key that is there already,
    /// of which nothing is written. No two may be of one payment.
    ///
    /// # Errors
    /// The outer error says that nothing is known about any of them.
    fn save(
        &self,
        writes: Vec<Save<Payment>>,
    ) -> impl Future<Output = Result<Vec<Result<(), StoreError>>, StoreError>> + Send;

    /// What was answered under that key with a save.
    fn answered(
        &self,
        key: IdempotencyKey,
    ) -> impl Future<Output = Result<Option<FirstAnswer>, StoreError>> + Send;

    /// Pending payments whose time was up before or at `now`, longest waiting first, at most
    /// `limit`. One whose events are still unpublished is left out: stock was never asked.
    fn due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<PaymentId>, StoreError>> + Send;
}

/// A reservation to write, over the status that the decision was made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationWrite {
    /// The reservation after the decision.
    pub reservation: Reservation,
    /// What was stored before: `None` for a first command.
    pub expected: Option<ReservationStatus>,
    /// What is answered. Its owner is the payment.
    pub outbox: Vec<OutboxEntry>,
}

/// Everything that one batch of commands changes about one article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockWrite {
    /// The article with its new counters, over the version it was decided on; `None` if its counters
    /// do not change because nobody had received it. That somebody did meanwhile is no conflict: the
    /// rejections that are written with it were right when they were decided.
    pub article: Option<Versioned<Article>>,
    /// Its reservations that change, no two of one payment.
    pub reservations: Vec<ReservationWrite>,
    /// What is answered to the request behind it, if that carries a key. It takes an article.
    pub answer: Option<FirstAnswer>,
}

/// Stock: articles and reservations.
pub trait StockRepository: Outbox + FirstAnswers {
    /// Every article, by code.
    fn articles(&self) -> impl Future<Output = Result<Vec<Article>, StoreError>> + Send;

    /// These articles, in the order of the codes.
    fn load(
        &self,
        skus: &[Sku],
    ) -> impl Future<Output = Result<Vec<Option<Versioned<Article>>>, StoreError>> + Send;

    /// The reservations of these payments, in the order of the ids.
    fn reservations(
        &self,
        payments: &[PaymentId],
    ) -> impl Future<Output = Result<Vec<Option<Reservation>>, StoreError>> + Send;

    /// What was answered under that key with a write of that article.
    fn answered(
        &self,
        sku: &Sku,
        key: IdempotencyKey,
    ) -> impl Future<Output = Result<Option<FirstAnswer>, StoreError>> + Send;

    /// Writes article, reservations, their events and the answer in one step.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the article's version or any reservation's status is not the
    /// expected one, [`StoreError::ANSWERED`] if the answer's key is there already; then nothing is
    /// written. Where both are so, either may be told.
    fn apply(&self, write: StockWrite) -> impl Future<Output = Result<(), StoreError>> + Send;
}
