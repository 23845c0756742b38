//! What a look at the console costs the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use comptoir_domain::port::bus::{
    Bounds, BusError, GroupInfo, LogAdmin, LogReader, ReadLimit, TopicInfo,
};
use comptoir_domain::port::platform::Log;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, Topic, TopicPartition};
use comptoir_memory::Memory;
use comptoir_runtime::supervise::Tasks;
use futures::future::join_all;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::client::{Call, Service};
use crate::shop::Shop;

/// A log that counts what it is asked for.
#[derive(Clone)]
struct Counted {
    log: Memory,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    topics: AtomicUsize,
    groups: AtomicUsize,
    bounds: AtomicUsize,
    records: AtomicUsize,
}

impl Counts {
    /// Since the last time: all topics, all groups, one topic's bounds, records.
    fn take(&self) -> [usize; 4] {
        let Self { topics, groups, bounds, records } = self;
        [topics, groups, bounds, records].map(|count| count.swap(0, Ordering::SeqCst))
    }
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::SeqCst);
}

impl Log for Counted {
    type Codec = <Memory as Log>::Codec;
    type Publisher = <Memory as Log>::Publisher;
    type Reader = Self;
    type Groups = <Memory as Log>::Groups;
    type Admin = Self;

    const MODE: &'static str = Memory::MODE;
    const LOG_NAME: &'static str = Memory::LOG_NAME;

    fn publisher(&self) -> Self::Publisher {
        self.log.publisher()
    }

    fn reader(&self) -> Self {
        self.clone()
    }

    fn groups(&self) -> Self::Groups {
        self.log.groups()
    }

    fn admin(&self) -> Self {
        self.clone()
    }
}

impl LogReader for Counted {
    async fn bounds(&self, topic: &Topic) -> Result<Vec<Bounds>, BusError> {
        count(&self.counts.bounds);
        self.log.reader().bounds(topic).await
    }

    async fn read(
        &self,
        at: &TopicPartition,
        from: Offset,
        limit: ReadLimit,
    ) -> Result<Vec<StoredRecord>, BusError> {
        count(&self.counts.records);
        self.log.reader().read(at, from, limit).await
    }
}

impl LogAdmin for Counted {
    async fn create_topics(&self, topics: &[Topic], partitions: u32) -> Result<(), BusError> {
        self.log.admin().create_topics(topics, partitions).await
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>, BusError> {
        count(&self.counts.topics);
        self.log.admin().topics().await
    }

    async fn groups(&self) -> Result<Vec<GroupInfo>, BusError> {
        count(&self.counts.groups);
        self.log.admin().groups().await
    }

    async fn log_id(&self, topic: &Topic) -> Result<Uuid, BusError> {
        self.log.admin().log_id(topic).await
    }
}

/// Another console of the same shop, on a log that counts.
async fn console(shop: &Shop) -> (Service, Arc<Counts>, JoinSet<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = Service(listener.local_addr().unwrap());
    let counts = Arc::<Counts>::default();
    let log = Counted { log: shop.memory.clone(), counts: Arc::clone(&counts) };
    let mut tasks = Tasks::new(shop.context.stop.clone());
    comptoir_console::serve(&mut tasks, &shop.context, &log, 3000, listener);
    let mut running = JoinSet::new();
    running.spawn(tasks.run(std::future::pending::<()>));
    (service, counts, running)
}

#[tokio::test]
async fn groups_cost_no_look_at_every_partition() {
    let shop = Shop::open().await;
    shop.confirmed("").await;
    // The two consoles are to be asked about the same.
    crate::shop::until("nothing to be on its way", || async {
        let groups = shop.console.get("/api/v1/groups").await.ok(200);
        let mut groups = groups.as_array().unwrap().iter();
        groups.len() == 3 && groups.all(|group| group["lag"] == 0)
    })
    .await;
    let (console, counts, _running) = console(&shop).await;
    for path in ["/api/v1/groups", "/api/v1/groups/payments-service"] {
        let answer = console.get(path).await.ok(200);
        assert_eq!(answer, shop.console.get(path).await.ok(200), "{path}");
        assert_eq!(counts.take(), [0, 1, 3, 0], "{path}: the three topics that groups read");
    }
}

#[tokio::test]
async fn whoever_is_content_with_what_others_were_told_shares_it() {
    let shop = Shop::open().await;
    let (console, counts, _running) = console(&shop).await;
    let content = |path: &str| Call::get(path).header("Cache-Control", "no-store, max-age=60");
    let paths = ["/api/v1/overview", "/api/v1/topics/logs", "/api/v1/groups"];
    let calls = paths.iter().cycle().take(12).map(|path| console.send(content(path)));
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let [topics, groups, ..] = counts.take();
    assert!(topics <= 2 && groups <= 4, "{topics} looks at topics, {groups} at groups");

    // Anybody else is told what is so now.
    let before = console.get("/api/v1/topics/logs").await.ok(200)["records"].clone();
    shop.register("alice").await;
    crate::shop::until("the line", || async {
        shop.records(&shop.context.topics.logs).await.len() == 1
    })
    .await;
    let after = console.get("/api/v1/topics/logs").await.ok(200)["records"].clone();
    assert_eq!((before, after), (json!(0), json!(1)));
}
