//! Which event goes where, under which key, and how topics are named.

use comptoir_domain::event::Event;
use comptoir_domain::topic::{GroupId, Topic, Topics};

use crate::sample::{PAYMENT_ID, USER_ID, every_event};

/// Type, subject (which is also the key), topics in the order in which they are published to.
const ROUTES: [(&str, Option<&str>, &[&str]); 11] = [
    ("comptoir.user.registered.v1", Some(USER_ID), &["notifications"]),
    ("comptoir.user.logged_in.v1", Some(USER_ID), &["notifications"]),
    ("comptoir.payment.requested.v1", Some(PAYMENT_ID), &["notifications", "inventories"]),
    ("comptoir.payment.confirmed.v1", Some(PAYMENT_ID), &["notifications", "inventories"]),
    ("comptoir.payment.rejected.v1", Some(PAYMENT_ID), &["notifications"]),
    ("comptoir.payment.expired.v1", Some(PAYMENT_ID), &["notifications", "inventories"]),
    ("comptoir.payment.refunded.v1", Some(PAYMENT_ID), &["notifications", "inventories"]),
    ("comptoir.stock.reserved.v1", Some(PAYMENT_ID), &["notifications", "stock"]),
    ("comptoir.stock.rejected.v1", Some(PAYMENT_ID), &["notifications", "stock"]),
    ("comptoir.stock.released.v1", Some(PAYMENT_ID), &["notifications", "stock"]),
    ("comptoir.log.written.v1", None, &["logs"]),
];

#[test]
fn every_event_goes_to_its_topics_under_its_subject() {
    for prefix in ["", "t1-"] {
        let topics = Topics::with_prefix(prefix).unwrap();
        let found: Vec<_> = every_event()
            .iter()
            .map(|event| (event.kind(), event.subject(), topics.route(event)))
            .collect();
        let route = |name: &&str| Topic::try_from(format!("{prefix}{name}").as_str()).unwrap();
        let expected = ROUTES.map(|(kind, subject, names)| {
            let routes: Vec<_> = names.iter().map(route).collect();
            (kind, subject.map(str::to_owned), routes)
        });
        assert_eq!(found, expected);
    }
}

#[test]
fn events_of_one_payment_share_a_key() {
    let of_payment = |event: &Event| event.kind().starts_with("comptoir.payment.");
    let of_stock = |event: &Event| event.kind().starts_with("comptoir.stock.");
    let keys: Vec<_> = every_event()
        .iter()
        .filter(|event| of_payment(event) || of_stock(event))
        .map(Event::subject)
        .collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(keys.len(), 8);
}

#[test]
fn every_topic_has_its_dead_letters() {
    let topics = Topics::with_prefix("shop.").unwrap();
    let names: Vec<_> = topics.all().iter().map(|topic| topic.as_str().to_owned()).collect();
    assert_eq!(
        names,
        [
            "shop.notifications",
            "shop.logs",
            "shop.inventories",
            "shop.stock",
            "shop.notifications.dlq",
            "shop.logs.dlq",
            "shop.inventories.dlq",
            "shop.stock.dlq",
        ]
    );
}

#[test]
fn a_prefix_is_refused_if_any_name_under_it_is_none() {
    assert!(Topics::with_prefix("").is_ok());
    assert!(Topics::with_prefix("ä").is_err());
    assert!(Topics::with_prefix("a b").is_err());
    // 232 + "notifications.dlq" are the 249 characters that Kafka takes.
    assert!(Topics::with_prefix(&"x".repeat(232)).is_ok());
    assert!(Topics::with_prefix(&"x".repeat(233)).is_err());
    assert!(GroupId::try_from("payments-service").is_ok());
    assert!(GroupId::try_from("").is_err());
}
