//! Events that were given up although they could be handled: one of each kind, with a shop in which
//! nothing but their replay is missing.

use std::time::Duration;

use comptoir_domain::envelope::Envelope;
use comptoir_domain::event::{Event, StockMoved};
use comptoir_domain::id::PaymentId;
use comptoir_domain::port::bus::{
    Committer as _, ConsumerGroups as _, GroupEvent, GroupMember as _,
};
use comptoir_domain::port::codec::{DeadLetter, EventCodec as _};
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::port::world::Clock as _;
use comptoir_domain::record::{Position, Record};
use comptoir_domain::stock::Quantity;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use comptoir_runtime::context::Consumer;
use comptoir_testkit::{PATIENCE, SequentialIds, a_payment, a_user, an_envelope, within};
use serde_json::Value;

use crate::client::{Answer, Call};
use crate::shop::{Codec, Shop, until};

/// Puts a letter of that record on the dead-letter topic, as a group does that gives it up.
pub(crate) async fn bury(shop: &Shop, consumer: Consumer, original: &Record, offset: u64) {
    let (group, topic) = shop.context.subscription(consumer);
    let dead_letters = topic.dead_letters();
    let at = TopicPartition { topic, partition: Partition(0) };
    let letter = DeadLetter {
        reason: "the test wants it so".to_owned(),
        attempts: 5,
        source: Position { at, offset: Offset(offset) },
        group,
        time: shop.clock.now(),
    };
    shop.publish(&dead_letters, Codec::dead_letter(original, &letter)).await;
}

/// Which event is dead.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Requested,
    Reserved,
    Confirmed,
    Registered,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] =
        [Self::Requested, Self::Reserved, Self::Confirmed, Self::Registered];

    const fn consumer(self) -> Consumer {
        match self {
            Self::Requested | Self::Confirmed => Consumer::Inventories,
            Self::Reserved => Consumer::Payments,
            Self::Registered => Consumer::Notifications,
        }
    }
}

/// A shop and what is dead in it.
pub(crate) struct Grave {
    pub(crate) shop: Shop,
    pub(crate) topic: Topic,
    kind: Kind,
    event: Envelope,
    /// The payment or user.
    subject: String,
    /// How often the event stood on its topic while it was dead.
    before: usize,
}

impl Grave {
    pub(crate) async fn dig(kind: Kind) -> Self {
        let (shop, event) = match kind {
            Kind::Requested => requested().await,
            Kind::Reserved => reserved().await,
            Kind::Confirmed => confirmed().await,
            Kind::Registered => {
                let event = an_envelope().of(a_user().named("alice").build().registered());
                (Shop::open().await, event.build())
            }
        };
        let subject = event.subject.clone().unwrap();
        let (_, topic) = shop.context.subscription(kind.consumer());
        let record = Codec::encode(&event, Some(subject.as_bytes()));
        bury(&shop, kind.consumer(), &record, 7_000).await;
        let mut grave = Self { shop, topic, kind, event, subject, before: 0 };
        grave.before = grave.copies().await;
        assert_eq!(grave.count("open").await, 1, "{kind:?}");
        grave
    }

    pub(crate) async fn count(&self, state: &str) -> u64 {
        let all = self.shop.console.get("/api/v1/dead-letters").await.ok(200);
        let mut topics = all["topics"].as_array().unwrap().iter();
        let own = topics.find(|topic| topic["topic"] == self.topic.as_str());
        own.unwrap()[state].as_u64().unwrap()
    }

    pub(crate) async fn replay_all(&self) -> Answer {
        let path = format!("/api/v1/topics/{}/dead-letters/replay", self.topic);
        self.shop.console.send(Call::post(path).json(r#"{"all":true}"#)).await
    }

    /// How often the event was put back on its topic.
    pub(crate) async fn put_back(&self) -> usize {
        self.copies().await - self.before
    }

    async fn copies(&self) -> usize {
        let records = self.shop.records(&self.topic).await;
        let events = records.iter().filter_map(|stored| Codec::decode(&stored.record).ok());
        events.filter(|event| event.id == self.event.id).count()
    }

    /// The event had its effect, once: one payment, one movement of stock, one line.
    pub(crate) async fn had_its_effect_once(&self) {
        let Self { shop, subject, kind, .. } = self;
        match kind {
            Kind::Requested => {
                shop.until_stock("coffee-mug", [1_000_000, 999_999, 0, 1]).await;
                self.has_told(&["payment.requested", "stock.reserved", "payment.confirmed"]).await;
                shop.until_stock("coffee-mug", [1_000_000, 999_999, 0, 1]).await;
            }
            Kind::Reserved => {
                self.has_told(&["payment.requested", "payment.confirmed"]).await;
                let payment = shop.payments.get(format!("/payments/{subject}")).await.ok(200);
                assert_eq!(payment["status"], "confirmed");
            }
            Kind::Confirmed => {
                shop.until_stock("coffee-mug", [1_000_000, 999_998, 0, 2]).await;
                self.has_told(&["stock.reserved"]).await;
                shop.until_stock("coffee-mug", [1_000_000, 999_998, 0, 2]).await;
            }
            Kind::Registered => self.has_told(&["user.registered"]).await,
        }
    }

    /// Each of these has one line, and nothing else has any, once all is consumed.
    async fn has_told(&self, kinds: &[&str]) {
        let mut expected: Vec<_> = kinds.iter().map(|kind| format!("comptoir.{kind}.v1")).collect();
        expected.sort();
        let told = async || {
            let mut told: Vec<_> = self.lines().await.iter().map(kind_of).collect();
            told.sort();
            told
        };
        until("the lines", || async { told().await.len() >= expected.len() }).await;
        until("no lag", || async { self.is_idle().await }).await;
        assert_eq!(told().await, expected, "{:?}", self.kind);
    }

    /// Whether all that the live groups have to read was read.
    async fn is_idle(&self) -> bool {
        let groups = self.shop.console.get("/api/v1/groups").await.ok(200);
        let mut live = groups.as_array().unwrap().iter().filter(|group| group["members"] != 0);
        live.all(|group| group["lag"] == 0)
    }

    /// The lines about the subject.
    async fn lines(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for partition in 0..3 {
            let path = format!("/api/lines?partition={partition}&from=0&limit=1000");
            let answer = self.shop.logs.get(path).await.ok(200);
            all.extend(answer["l"].as_array().unwrap().iter().cloned());
        }
        all.retain(|line| line.to_string().contains(&self.subject));
        all
    }
}

fn kind_of(line: &Value) -> String {
    line[7]["event_type"].as_str().unwrap().to_owned()
}

/// A payment whose request inventories has passed by.
async fn requested() -> (Shop, Envelope) {
    let mut shop = Shop::without_inventories().await;
    let id = shop.pay("").await;
    let inventories = shop.context.topics.inventories.clone();
    until("the request", || async { shop.records(&inventories).await.len() == 1 }).await;
    let request = shop.records(&inventories).await.remove(0).record;
    pass_by(&shop).await;
    shop.open_inventories();
    shop.until_told(&id, "comptoir.payment.requested.v1").await;
    (shop, Codec::decode(&request).unwrap())
}

/// Commits the one request without handling it, and leaves.
async fn pass_by(shop: &Shop) {
    let (group, topic) = shop.context.subscription(Consumer::Inventories);
    let (mut member, committer) = shop.memory.groups().join(&group, &[topic]).await.unwrap();
    let passing = async {
        loop {
            if let GroupEvent::Records { at, batch } = member.next().await.unwrap() {
                let next = batch.last().unwrap().offset.next();
                return committer.commit(&[(at, next)]).await.unwrap();
            }
        }
    };
    within(PATIENCE, "the request", passing).await;
    member.leave().await.unwrap();
}

/// A payment whose stock nobody has told of.
async fn reserved() -> (Shop, Envelope) {
    let shop = Shop::without_inventories().await;
    let id = shop.pay("").await;
    let moved = StockMoved {
        payment: id.parse().unwrap(),
        sku: "coffee-mug".to_owned().try_into().unwrap(),
        quantity: Quantity::ONE,
    };
    shop.until_told(&id, "comptoir.payment.requested.v1").await;
    (shop, an_envelope().of(Event::StockReserved(moved)).build())
}

/// Stock that is held for a payment, which is confirmed.
async fn confirmed() -> (Shop, Envelope) {
    let shop = Shop::open().await;
    let id = PaymentId::new(SequentialIds::nth(9_999));
    let payment = a_payment().identified(id).of(2, "coffee-mug").build();
    let Event::PaymentRequested(terms) = payment.requested() else {
        unreachable!("a request is one");
    };
    let asked = an_envelope().of(Event::PaymentRequested(terms.clone())).build();
    let record = Codec::encode(&asked, Some(id.to_string().as_bytes()));
    shop.publish(&shop.context.topics.inventories, record).await;
    shop.until_stock("coffee-mug", [1_000_000, 999_998, 2, 0]).await;
    shop.until_told(&id.to_string(), "comptoir.stock.reserved.v1").await;
    // A while later, as its id shows.
    shop.clock.advance(Duration::from_secs(1));
    (shop, an_envelope().of(Event::PaymentConfirmed(terms)).build())
}
