//! Our consumer and Kafka's own in one group, in both protocols: whoever leaves or dies, the other
//! takes over, and every record is handled.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::Duration;

use crate::stage::Stage;
use comptoir_stage::Shop;
use comptoir_stage::kafka::{CLOUDEVENTS_JSON, JavaMember, made_up, produce, said};
use comptoir_stage::patience::{now, tell, until};

const OURS: &str = "notifications-service";
const PARTITIONS: u32 = 6;
/// Records of one batch on each partition.
const EACH: usize = 10;
/// For two members to agree, a JVM to start included.
const SHARE_TIME: Duration = Duration::from_mins(1);
/// For one to take over what the other has left: a few heartbeats.
const LEFT_TIME: Duration = Duration::from_secs(12);
/// The same for one that died: the session has to end first, which takes up to ten seconds.
const DEAD_TIME: Duration = Duration::from_secs(30);
/// For a batch to be handled in between.
const BATCH_TIME: Duration = Duration::from_secs(20);

/// How a group works.
struct Way {
    name: &'static str,
    /// `KAFKA_GROUP_PROTOCOL` of ours.
    ours: &'static str,
    /// Settings of Java's consumer.
    java: &'static [&'static str],
}

/// In the classic protocol it is the client that says when it counts as dead.
const WAYS: [Way; 3] = [
    Way { name: "consumer", ours: "consumer", java: &["group.protocol=consumer"] },
    Way {
        name: "classic",
        ours: "classic",
        java: &["group.protocol=classic", "session.timeout.ms=6000", "heartbeat.interval.ms=1000"],
    },
    Way {
        name: "cooperative",
        ours: "classic",
        java: &[
            "group.protocol=classic",
            "session.timeout.ms=6000",
            "heartbeat.interval.ms=1000",
            "partition.assignment.strategy=\
             org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        ],
    },
];

#[test]
fn our_member_and_java_s_share_a_group_and_take_over_from_each_other() {
    let Some(stage) = Stage::enter() else { return };
    let reports = thread::scope(|scope| {
        let stage = &stage;
        let runs = WAYS.map(|way| scope.spawn(move || run(stage, &way)));
        runs.map(|run| run.join().unwrap())
    });
    for report in reports {
        tell(&report);
    }
}

fn run(stage: &Stage, way: &Way) -> String {
    let none = ["USERS", "PAYMENTS", "INVENTORIES", "LOGS"].map(|service| (service, "0"));
    let partitions = PARTITIONS.to_string();
    let mut variables = vec![("KAFKA_GROUP_PROTOCOL", way.ours), ("TOPIC_PARTITIONS", &partitions)];
    variables.extend(none);
    let shop = Shop::open(&stage.servers, &format!("{}-", way.name), &variables);
    let mut group = Group { shop, way, sent: HashMap::new(), gone: HashSet::new() };

    let mut java = group.java();
    let shares = group.both_get_a_share(&java);
    java.leave();
    let java_left = group.one_takes_over("ours after Java left", LEFT_TIME, Group::ours);
    group.forget(&java);

    let mut java = group.java();
    group.both_get_a_share(&java);
    java.kill();
    let java_died = group.one_takes_over("ours after Java died", DEAD_TIME, Group::ours);
    group.forget(&java);

    let java = group.java();
    group.both_get_a_share(&java);
    group.shop.ctl(&["term", OURS]);
    let ours_left = group.one_takes_over("Java after ours left", LEFT_TIME, |_| java.read());

    group.shop.ctl(&["start", OURS]);
    group.both_get_a_share(&java);
    group.shop.ctl(&["kill", OURS]);
    let ours_died = group.one_takes_over("Java after ours died", DEAD_TIME, |_| java.read());

    let handled = group.all_handled(&java);
    drop(java);
    group.shop.stop();
    format!(
        "one group, {}: {handled} records, each handled; shares of {PARTITIONS} \
         partitions {shares:?} (ours, Java's); taken over after ms: Java left {java_left}, Java died \
         {java_died}, ours left {ours_left}, ours died {ours_died}",
        way.name
    )
}

/// A group, and what was sent to its topic.
struct Group<'a> {
    shop: Shop,
    way: &'a Way,
    /// The partition of each event.
    sent: HashMap<String, u32>,
    /// What members that are gone have read.
    gone: HashSet<String>,
}

impl Group<'_> {
    fn java(&self) -> JavaMember {
        let (group, topic) = (self.shop.named(OURS), self.shop.named("notifications"));
        JavaMember::join(self.shop.brokers(), &group, &topic, self.way.java)
    }

    /// What our member has handled: there is a line.
    fn ours(&self) -> HashSet<String> {
        said(self.shop.brokers(), &self.shop.named("logs"))
    }

    fn forget(&mut self, java: &JavaMember) {
        self.gone.extend(java.read());
    }

    /// Sends a batch, the same number to each partition; its ids.
    fn send(&mut self) -> HashSet<String> {
        let (brokers, topic) = (self.shop.brokers(), self.shop.named("notifications"));
        let header = format!("content-type={CLOUDEVENTS_JSON}");
        let first = self.sent.len();
        let mut batch = HashSet::new();
        for partition in 0..PARTITIONS {
            let number = |n: usize| first + PARTITIONS as usize * n + partition as usize;
            let ids: Vec<_> = (0..EACH).map(|n| format!("{:06}", number(n))).collect();
            let values: Vec<_> = ids.iter().map(|id| made_up(id).to_string()).collect();
            let records: Vec<_> =
                ids.iter().zip(&values).map(|(id, value)| (id.as_str(), value.as_str())).collect();
            produce(brokers, &topic, Some(partition), &[&header], &records);
            batch.extend(ids.iter().cloned());
            self.sent.extend(ids.into_iter().map(|id| (id, partition)));
        }
        batch
    }

    /// Sends until a batch is divided by partitions; how many of them each has.
    fn both_get_a_share(&mut self, java: &JavaMember) -> (usize, usize) {
        until("both get a share", SHARE_TIME, || {
            let batch = self.send();
            let (ours, javas) = until("the batch is handled", BATCH_TIME, || {
                let ours: HashSet<_> = self.ours().intersection(&batch).cloned().collect();
                let javas: HashSet<_> = java.read().intersection(&batch).cloned().collect();
                if ours.union(&javas).count() == batch.len() {
                    Ok((ours, javas))
                } else {
                    Err((ours.len(), javas.len()))
                }
            });
            let partitions = |ids: &HashSet<String>| -> HashSet<_> {
                ids.iter().map(|id| self.sent[id]).collect()
            };
            let (ours, javas) = (partitions(&ours), partitions(&javas));
            let divided = ours.is_disjoint(&javas) && !ours.is_empty() && !javas.is_empty();
            if divided { Ok((ours.len(), javas.len())) } else { Err((ours, javas)) }
        })
    }

    /// Sends a batch, which the one who is left must handle alone; after how many milliseconds.
    fn one_takes_over(
        &mut self,
        what: &str,
        limit: Duration,
        handled: impl Fn(&Self) -> HashSet<String>,
    ) -> u128 {
        let began = now();
        let batch = self.send();
        until(what, limit, || {
            let handled = handled(self);
            let missing = batch.difference(&handled).count();
            if missing == 0 { Ok(()) } else { Err(missing) }
        });
        began.elapsed().as_millis()
    }

    /// Every record that was ever sent must have been handled by somebody; how many.
    fn all_handled(&self, java: &JavaMember) -> usize {
        until("every record is handled", BATCH_TIME, || {
            let mut handled = self.ours();
            handled.extend(java.read());
            handled.extend(self.gone.iter().cloned());
            let missing: Vec<_> = self.sent.keys().filter(|id| !handled.contains(*id)).collect();
            if missing.is_empty() { Ok(self.sent.len()) } else { Err(format!("{missing:?}")) }
        })
    }
}
