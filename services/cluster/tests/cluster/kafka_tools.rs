//! What Kafka's own tools and `kcat` see of a shop.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::stage::Stage;
use comptoir_stage::kafka::{
    CLOUDEVENTS_JSON, Event, GroupRow, console_consumer, describe_group, produce, read_all,
};
use comptoir_stage::patience::{tell, until};
use comptoir_stage::{GROUPS, Shop, USERS_TOPICS};

/// Enough for every partition to get some.
const PAYMENTS: usize = 30;
const SEEN_TIME: Duration = Duration::from_secs(30);

#[test]
fn every_topic_is_cloudevents_and_every_group_is_described() {
    let Some(stage) = Stage::enter() else { return };
    let shop = Shop::open(&stage.servers, "tools-", &[]);
    let form = "username=bob&password=secret";
    assert_eq!(shop.post("users-service", "/register", form).status, 201);
    let payments: Vec<_> = (0..PAYMENTS).map(|_| shop.pay("")).collect();
    shop.all_confirmed(&payments);
    produce(shop.brokers(), &shop.named("notifications"), None, &[], &[("odd", "no event")]);
    let letters = shop.named("notifications.dlq");
    until("the letter is there", SEEN_TIME, || {
        let records = read_all(shop.brokers(), &letters);
        if records.len() == 1 { Ok(()) } else { Err(records) }
    });
    shop.no_lag(&stage.servers);

    let counts = USERS_TOPICS.map(|topic| (topic, check_topic(&shop, topic)));
    let rejected = console_consumer(shop.brokers(), &letters, 1).remove(0);
    let [headers, key, value] = &rejected;
    assert_eq!((key.as_str(), value.as_str()), ("odd", "no event"));
    assert!(headers.contains("dlq-reason:"), "{headers}");

    let members = GROUPS.map(|group| check_group(&shop, group));
    let seen = lag_is_seen(&shop);
    shop.no_lag(&stage.servers);
    shop.stop();
    tell(&format!(
        "kafka tools: records by topic {counts:?}, the same for Java and kcat; members by group \
         {members:?}; a lag of {seen} seen while nobody consumed"
    ));
}

/// Reads a topic with both clients: the same records, each an event with its media type; how many.
fn check_topic(shop: &Shop, topic: &str) -> usize {
    let name = shop.named(topic);
    let records: Vec<_> = read_all(shop.brokers(), &name)
        .into_iter()
        // The one that is no event, on purpose.
        .filter(|record| record.key.as_deref() != Some("odd"))
        .collect();
    let odd = usize::from(topic == "notifications");
    let java = console_consumer(shop.brokers(), &name, records.len() + odd);
    let by_java: BTreeSet<_> = java
        .iter()
        .filter(|[_, key, _]| key != "odd")
        .map(|[headers, key, value]| {
            let header = format!("content-type:{CLOUDEVENTS_JSON}");
            assert!(headers.split(',').any(|found| found == header), "{headers}");
            (key.clone(), Event::parse(value).id)
        })
        .collect();
    let by_kcat: BTreeSet<_> =
        records.iter().map(|r| (r.key.clone().unwrap(), Event::of(r).id)).collect();
    assert_eq!(by_java, by_kcat, "{topic}");
    assert!(by_kcat.len() >= PAYMENTS, "{topic}: {}", by_kcat.len());
    by_kcat.len()
}

/// A group must have a member and an offset for every partition, and nothing left to do; how many
/// members.
fn check_group(shop: &Shop, group: &str) -> (String, usize) {
    let rows = describe_group(shop.brokers(), &shop.named(group));
    assert_eq!(rows.len(), 3, "{rows:?}");
    let mut members: BTreeMap<&str, &GroupRow> = BTreeMap::new();
    for row in &rows {
        assert_eq!(row.number("CURRENT-OFFSET"), row.number("LOG-END-OFFSET"), "{row:?}");
        assert_eq!(row.number("LAG"), Some(0), "{row:?}");
        assert_ne!(row.column("CONSUMER-ID"), "-", "{row:?}");
        members.insert(row.column("CONSUMER-ID"), row);
    }
    (group.to_owned(), members.len())
}

/// While the notifications service stands still, what it has not consumed counts as lag; how much.
fn lag_is_seen(shop: &Shop) -> u64 {
    shop.ctl(&["stop", "notifications-service"]);
    let payments: Vec<_> = (0..3).map(|_| shop.pay("")).collect();
    shop.all_confirmed(&payments);
    let rows = describe_group(shop.brokers(), &shop.named("notifications-service"));
    let lag = rows.iter().filter_map(|row| row.number("LAG")).sum();
    assert!(lag >= 1, "{rows:?}");
    shop.ctl(&["cont", "notifications-service"]);
    lag
}
