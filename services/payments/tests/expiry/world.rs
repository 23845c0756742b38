//! Processes of two services, and what outlives them.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::app::expire_payments::ExpirePayments;
use comptoir_domain::app::keep_stock::KeepStock;
use comptoir_domain::app::receive_stock::ReceiveStock;
use comptoir_domain::app::request_payment::RequestPayment;
use comptoir_domain::app::settle_payments::SettlePayments;
use comptoir_domain::envelope::{Cause, Envelope, Service};
use comptoir_domain::id::{EventId, PaymentId};
use comptoir_domain::outbox::OutboxOwner;
use comptoir_domain::payment::{Payment, PaymentStatus};
use comptoir_domain::port::bus::{LogAdmin as _, LogReader as _, ReadLimit};
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::platform::{Log, Stores as _};
use comptoir_domain::port::store::{Outbox as _, PaymentRepository as _, StockRepository as _};
use comptoir_domain::port::world::{Clock as _, Ids as _};
use comptoir_domain::stock::Quantity;
use comptoir_domain::topic::{Offset, Partition, TopicPartition};
use comptoir_domain::trace::TraceContext;
use comptoir_http::{PublicHosts, Readiness};
use comptoir_memory::{Memory, MemoryPayments};
use comptoir_runtime::consume;
use comptoir_runtime::context::{Consumer, Context};
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::relay::Relay;
use comptoir_runtime::supervise::TaskResult;
use comptoir_testkit::builders::a_sku;
use comptoir_testkit::{FakeClock, PATIENCE, SequentialIds, a_payment, until, within};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a payment may stay pending, unless a test says otherwise.
pub(crate) const EXPIRES_AFTER: Duration = Duration::from_mins(2);
/// By then what is unpublished counts as left over.
pub(crate) const LEFT_OVER: Duration = Duration::from_secs(6);
pub(crate) const RESERVED: &str = "comptoir.stock.reserved.v1";
pub(crate) const RELEASED: &str = "comptoir.stock.released.v1";
const REQUESTED: &str = "comptoir.payment.requested.v1";
pub(crate) const CONFIRMED: &str = "comptoir.payment.confirmed.v1";
pub(crate) const EXPIRED: &str = "comptoir.payment.expired.v1";

type Codec = <Memory as Log>::Codec;

/// Log, stores and the time.
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) clock: FakeClock,
    ids: SequentialIds,
}

/// A process of inventories. Dropped, it is gone as in a crash.
pub(crate) struct Inventories {
    _tasks: JoinSet<TaskResult>,
}

/// A process of payments, of the same kind.
pub(crate) struct Payments {
    request: RequestPayment<MemoryPayments>,
    pub(crate) expire: ExpirePayments<MemoryPayments>,
    ids: SequentialIds,
    clock: FakeClock,
    _tasks: JoinSet<TaskResult>,
}

impl World {
    /// Ten mugs, and nobody who sells them.
    pub(crate) async fn new() -> Self {
        Self::on(Memory::new()).await
    }

    pub(crate) async fn on(memory: Memory) -> Self {
        let world = Self { memory, clock: FakeClock::default(), ids: SequentialIds::new() };
        let topics = world.context().topics.all();
        world.memory.admin().create_topics(&topics, 3).await.unwrap();
        let ten = Quantity::to_receive(10).unwrap();
        ReceiveStock::new(world.memory.stock()).run(&a_sku("mug"), ten).await.unwrap();
        world
    }

    fn context(&self) -> Context {
        let (clock, ids) = (Arc::new(self.clock.clone()), Arc::new(self.ids.clone()));
        let stop = CancellationToken::new();
        Context::new("", clock, ids, PublicHosts::default(), stop).unwrap()
    }

    pub(crate) fn inventories(&self) -> Inventories {
        let (memory, context) = (self.memory.another_process(), self.context());
        let needs = Dependencies::log_and_store_are_needed::<Memory>(Readiness::default());
        let keep = KeepStock::new(memory.stock(), context.announcer(Service::Inventories));
        let group = context.subscription(Consumer::Inventories);
        let consumer = consume::Consumer::new(&memory, group, keep, &needs, context.clone());
        let publisher = memory.publisher();
        let relay = Relay::<_, _, Codec>::new(memory.stock(), publisher, needs, context);
        let mut tasks = JoinSet::new();
        tasks.spawn(consumer.run());
        tasks.spawn(relay.run(CancellationToken::new()));
        Inventories { _tasks: tasks }
    }

    pub(crate) fn payments(&self) -> Payments {
        self.payments_of(EXPIRES_AFTER, true)
    }

    /// A process that lets payments wait for so long, and may not listen to what stock answers.
    pub(crate) fn payments_of(&self, expires_after: Duration, listens: bool) -> Payments {
        let (memory, context) = (self.memory.another_process(), self.context());
        let needs = Dependencies::log_is_covered::<Memory>(Readiness::default());
        let announcer = context.announcer(Service::Payments);
        let mut tasks = JoinSet::new();
        if listens {
            let settle = SettlePayments::new(memory.payments(), announcer.clone());
            let group = context.subscription(Consumer::Payments);
            let context = context.clone();
            tasks.spawn(consume::Consumer::new(&memory, group, settle, &needs, context).run());
        }
        let (store, publisher) = (memory.payments(), memory.publisher());
        let relay = Relay::<_, _, Codec>::new(store, publisher, needs, context.clone());
        tasks.spawn(relay.run(CancellationToken::new()));
        let ids = Arc::clone(&context.ids);
        Payments {
            request: RequestPayment::new(memory.payments(), ids, announcer.clone(), expires_after),
            expire: ExpirePayments::new(memory.payments(), announcer),
            ids: self.ids.clone(),
            clock: self.clock.clone(),
            _tasks: tasks,
        }
    }

    pub(crate) async fn status(&self, payment: PaymentId) -> PaymentStatus {
        let found = self.memory.payments().load(&[payment]).await.unwrap();
        found.into_iter().flatten().next().unwrap().state.status
    }

    /// `[available, held, sold]` of the mugs.
    pub(crate) async fn mugs(&self) -> [u64; 3] {
        let found = self.memory.stock().load(&[a_sku("mug")]).await.unwrap();
        let mugs = found.into_iter().flatten().next().unwrap().state;
        assert_eq!(mugs.received(), 10, "pieces come from nowhere");
        [mugs.available(), mugs.held(), mugs.sold()]
    }

    /// All that notifications was told of a payment.
    pub(crate) async fn events(&self, payment: PaymentId) -> Vec<Envelope> {
        const ALL: ReadLimit =
            ReadLimit { records: usize::MAX, bytes: usize::MAX, wait: Duration::ZERO };
        let mut events = Vec::new();
        for partition in (0..3).map(Partition) {
            let at = TopicPartition { topic: self.context().topics.notifications, partition };
            let read = self.memory.reader().read(&at, Offset::ZERO, ALL).await.unwrap();
            events.extend(read.iter().map(|stored| Codec::decode(&stored.record).unwrap()));
        }
        let subject = payment.to_string();
        events.retain(|event| event.subject.as_deref() == Some(subject.as_str()));
        events
    }

    /// How many different events of that type were told of a payment.
    pub(crate) async fn told(&self, payment: PaymentId, kind: &str) -> usize {
        let events = self.events(payment).await.into_iter().filter(|event| event.kind() == kind);
        let ids: std::collections::BTreeSet<_> = events.map(|event| event.id).collect();
        ids.len()
    }

    pub(crate) async fn until_told(&self, payment: PaymentId, kind: &str) {
        until(PATIENCE, kind, || async { self.told(payment, kind).await > 0 }).await;
    }

    /// Waits until the request is told and no outbox holds it back: from then on the payment may expire.
    pub(crate) async fn until_asked(&self, payment: PaymentId) {
        self.until_told(payment, REQUESTED).await;
        let owner = [OutboxOwner(payment.to_string())];
        let store = self.memory.payments();
        let is_clear = || async { store.pending(&owner).await.unwrap().is_empty() };
        until(PATIENCE, "an outbox without it", is_clear).await;
    }

    pub(crate) async fn until_mugs(&self, counters: [u64; 3]) {
        until(PATIENCE, "the mugs", || async { self.mugs().await == counters }).await;
    }
}

impl Payments {
    /// Asks for two mugs.
    pub(crate) async fn pay(&self) -> PaymentId {
        let order = a_payment().of(2, "mug").build().order;
        let trace = TraceContext::start(self.ids.uuid());
        let id = EventId::new(self.ids.uuid());
        let cause = Cause::Request { trace, id, received: self.clock.now() };
        let paying = self.request.run(order, &cause);
        let Payment { id, .. } = within(PATIENCE, "an answer", paying).await.unwrap();
        id
    }

    /// One sweep; how many payments it expired.
    pub(crate) async fn sweep(&self) -> usize {
        self.expire.sweep().await.unwrap()
    }
}
