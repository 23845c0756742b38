//! The shop: all services, or some of them, on one memory platform.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use comptoir_auth::{HasherSettings, JwtTokens, Pbkdf2Hasher, Rounds, Secret};
use comptoir_domain::envelope::Envelope;
use comptoir_domain::port::bus::{LogAdmin as _, LogReader as _, Publisher as _, ReadLimit};
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::platform::Log;
use comptoir_domain::port::security::Tokens;
use comptoir_domain::record::{Outgoing, Record, StoredRecord};
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use comptoir_http::{PublicHosts, Readiness};
use comptoir_memory::Memory;
use comptoir_runtime::context::Context;
use comptoir_runtime::supervise::Tasks;
use comptoir_testkit::{FakeClock, PATIENCE, SequentialIds, within};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::{Call, Service};

pub(crate) type Codec = <Memory as Log>::Codec;

/// How long a payment may stay pending here, by the shop's clock.
pub(crate) const EXPIRES_AFTER: Duration = Duration::from_mins(2);

/// What tokens are signed with.
pub(crate) const SECRET: &str = "what the tokens of this shop are signed with";

/// Waits until something is so.
pub(crate) async fn until<F>(what: &str, is_so: impl FnMut() -> F + Send)
where
    F: Future<Output = bool> + Send,
{
    comptoir_testkit::until(PATIENCE, what, is_so).await;
}

/// A shop that is open. Dropped, all of it is gone as in a crash; what the platform keeps remains.
pub(crate) struct Shop {
    pub(crate) memory: Memory,
    pub(crate) clock: FakeClock,
    pub(crate) context: Context,
    pub(crate) users: Service,
    pub(crate) payments: Service,
    pub(crate) inventories: Service,
    pub(crate) notifications: Service,
    pub(crate) logs: Service,
    pub(crate) console: Service,
    /// Inventories while it is closed: bound, but nobody serves it.
    closed: Option<TcpListener>,
    running: JoinSet<bool>,
}

async fn listen() -> (TcpListener, Service) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, Service(address))
}

impl Shop {
    /// Opens a shop on an empty platform, and waits until it is ready.
    pub(crate) async fn open() -> Self {
        Self::on(&Memory::new(), &SequentialIds::new()).await
    }

    /// Opens it on what another one left; ids go on where that one was.
    pub(crate) async fn on(memory: &Memory, ids: &SequentialIds) -> Self {
        let (shop, readiness) = Self::start(memory, ids, true).await;
        for service in readiness {
            within(PATIENCE, "a service to be ready", service.all_up()).await;
        }
        shop
    }

    /// Opens all but inventories, so that nobody answers a payment.
    pub(crate) async fn without_inventories() -> Self {
        let (shop, readiness) = Self::start(&Memory::new(), &SequentialIds::new(), false).await;
        for service in readiness {
            within(PATIENCE, "a service to be ready", service.all_up()).await;
        }
        shop
    }

    /// Begins to open it, without waiting for anything.
    pub(crate) async fn start(
        memory: &Memory,
        ids: &SequentialIds,
        all: bool,
    ) -> (Self, Vec<Readiness>) {
        let clock = FakeClock::default();
        let (time, ids) = (Arc::new(clock.clone()), Arc::new(ids.clone()));
        let (hosts, ending) = (PublicHosts::default(), CancellationToken::new());
        let context = Context::new("", time, ids, hosts, ending).unwrap();
        // A log that is away at the start has its topics already.
        let (admin, topics) = (memory.admin(), context.topics.all());
        drop(admin.create_topics(&topics, 3).await);
        let (listeners, services): (Vec<_>, Vec<_>) = [
            listen().await,
            listen().await,
            listen().await,
            listen().await,
            listen().await,
            listen().await,
        ]
        .into_iter()
        .unzip();
        let [users, payments, inventories, notifications, logs, console] =
            <[Service; 6]>::try_from(services).unwrap();
        let mut shop = Self {
            memory: memory.clone(),
            clock,
            context,
            users,
            payments,
            inventories,
            notifications,
            logs,
            console,
            closed: None,
            running: JoinSet::new(),
        };
        let readiness = shop.serve(listeners, all);
        (shop, readiness)
    }

    fn serve(&mut self, listeners: Vec<TcpListener>, all: bool) -> Vec<Readiness> {
        let [users, payments, inventories, notifications, logs, console] =
            <[TcpListener; 6]>::try_from(listeners).unwrap();
        let hasher = Pbkdf2Hasher::start(HasherSettings {
            rounds: Rounds::MIN,
            threads: NonZeroUsize::MIN,
            ..HasherSettings::default()
        });
        let secret = Secret::try_from(SECRET.to_owned()).unwrap();
        let tokens: Arc<dyn Tokens> = Arc::new(JwtTokens::new(&secret));
        let security = comptoir_users::Security {
            hasher: Arc::new(hasher.unwrap()),
            tokens: Arc::clone(&tokens),
        };
        let terms = comptoir_payments::Terms { tokens, expires_after: EXPIRES_AFTER };
        let ports = comptoir_logs::Ports {
            users: self.users.0.port(),
            payments: self.payments.0.port(),
            inventories: self.inventories.0.port(),
            console: self.console.0.port(),
        };
        let (context, memory) = (&self.context, &self.memory);
        let mut tasks = Tasks::new(context.stop.clone());
        let mut readiness = vec![
            comptoir_users::serve(&mut tasks, context, memory, security, users),
            comptoir_payments::serve(&mut tasks, context, memory, terms, payments),
            comptoir_notifications::serve(&mut tasks, context, memory, notifications),
            comptoir_logs::serve(&mut tasks, context, memory, ports, logs),
            comptoir_console::serve(&mut tasks, context, memory, self.logs.0.port(), console),
        ];
        if all {
            let inventories = comptoir_inventories::serve(&mut tasks, context, memory, inventories);
            readiness.push(inventories);
        } else {
            self.closed = Some(inventories);
        }
        self.running.spawn(tasks.run(std::future::pending::<()>));
        readiness
    }

    /// Opens inventories after all.
    pub(crate) fn open_inventories(&mut self) {
        let mut tasks = Tasks::new(self.context.stop.clone());
        let listener = self.closed.take().unwrap();
        comptoir_inventories::serve(&mut tasks, &self.context, &self.memory, listener);
        self.running.spawn(tasks.run(std::future::pending::<()>));
    }

    /// Asks the shop to stop; true if all of it ended as it should.
    pub(crate) async fn stop(&mut self) -> bool {
        self.context.stop.cancel();
        let mut clean = true;
        while let Some(ended) = within(PATIENCE, "the end", self.running.join_next()).await {
            clean &= ended.unwrap();
        }
        clean
    }
}

/// What customers do.
impl Shop {
    /// Registers, with the password `secret`; gives the id.
    pub(crate) async fn register(&self, username: &str) -> String {
        let form = format!("username={username}&password=secret");
        let answer = self.users.send(Call::post("/register").form(&form)).await;
        answer.ok(201)["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn log_in(&self, username: &str) -> String {
        let form = format!("username={username}&password=secret");
        let answer = self.users.send(Call::post("/login").form(&form)).await;
        answer.ok(200)["token"].as_str().unwrap().to_owned()
    }

    /// Pays; gives the id.
    pub(crate) async fn pay(&self, form: &str) -> String {
        let answer = self.payments.send(Call::post("/pay").form(form)).await;
        answer.ok(202)["id"].as_str().unwrap().to_owned()
    }

    /// The payment once it is settled.
    pub(crate) async fn settled(&self, id: &str) -> Value {
        let payment = self.payments.get(format!("/payments/{id}?wait=10")).await.ok(200);
        assert_ne!(payment["status"], "pending", "{payment}");
        payment
    }

    pub(crate) async fn confirmed(&self, form: &str) -> String {
        let id = self.pay(form).await;
        assert_eq!(self.settled(&id).await["status"], "confirmed");
        id
    }

    /// An article's `[received, available, held, sold]`; they always add up.
    pub(crate) async fn stock(&self, sku: &str) -> [u64; 4] {
        let article = self.inventories.get(format!("/stock/{sku}")).await.ok(200);
        let count = |name: &str| article[name].as_u64().unwrap();
        let counts = ["received", "available", "held", "sold"].map(count);
        let [received, available, held, sold] = counts;
        assert_eq!(received, available + held + sold, "{article}");
        counts
    }

    pub(crate) async fn until_stock(&self, sku: &str, counts: [u64; 4]) {
        let what = format!("{sku} to count {counts:?}");
        until(&what, || async { self.stock(sku).await == counts }).await;
    }
}

/// What stands on the log.
impl Shop {
    /// All records of a topic, those of a partition in order.
    pub(crate) async fn records(&self, topic: &Topic) -> Vec<StoredRecord> {
        const ALL: ReadLimit =
            ReadLimit { records: usize::MAX, bytes: usize::MAX, wait: Duration::ZERO };
        let reader = self.memory.reader();
        let mut all = Vec::new();
        for partition in (0..3).map(Partition) {
            let at = TopicPartition { topic: topic.clone(), partition };
            all.extend(reader.read(&at, Offset::ZERO, ALL).await.unwrap());
        }
        all
    }

    /// The events about a subject that were told to notifications.
    pub(crate) async fn events_about(&self, subject: &str) -> Vec<Envelope> {
        let records = self.records(&self.context.topics.notifications).await;
        let events = records.iter().map(|stored| Codec::decode(&stored.record).unwrap());
        let about = |event: &Envelope| event.subject.as_deref() == Some(subject);
        events.filter(about).collect()
    }

    /// Their types.
    pub(crate) async fn told_about(&self, subject: &str) -> Vec<String> {
        let events = self.events_about(subject).await;
        events.iter().map(|event| event.kind().to_owned()).collect()
    }

    /// Waits until an event of that type about a subject was told.
    pub(crate) async fn until_told(&self, subject: &str, kind: &str) {
        let told = || async { self.told_about(subject).await.iter().any(|told| told == kind) };
        until(kind, told).await;
    }

    pub(crate) async fn publish(&self, topic: &Topic, record: Record) {
        let outgoing = Outgoing { topic: topic.clone(), record };
        self.memory.publisher().publish(vec![outgoing]).await.unwrap();
    }
}
