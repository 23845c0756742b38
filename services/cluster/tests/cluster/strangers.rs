//! Records that others put on our topics by hand.

use std::time::Duration;

use serde_json::Value;

use crate::stage::Stage;
use comptoir_stage::kafka::{
    CLOUDEVENTS_JSON, Record, console_producer, made_up, produce, read_all, said,
};
use comptoir_stage::lines::Lines;
use comptoir_stage::patience::{tell, until};
use comptoir_stage::{Program, Shop};

const SEEN_TIME: Duration = Duration::from_secs(30);

#[test]
fn what_others_write_becomes_a_line_or_a_dead_letter() {
    let Some(stage) = Stage::enter() else { return };
    let shop = Shop::open(&stage.servers, "strangers-", &[("USERS", "0"), ("PAYMENTS", "0")]);
    let (brokers, topic) = (shop.brokers(), &shop.named("notifications"));
    let lines = Lines::follow(shop.port("logs-service"));
    let header = &format!("content-type={CLOUDEVENTS_JSON}");
    let event = |id: &str| made_up(id).to_string();

    produce(brokers, topic, Some(0), &[header], &[("k", &event("from kcat"))]);
    console_producer(brokers, topic, &[&event("from Java"), "neither JSON nor an event"]);
    // In one partition, one behind the other: what cannot be read must not be in the way.
    let mut ahead = made_up("from the future");
    ahead["time"] = "2199-01-01T00:00:00Z".into();
    produce(brokers, topic, Some(0), &[header], &[("k", &ahead.to_string())]);
    let odd = [("odd", "{\"specversion\":\"1.0\"}"), ("odd", "[]"), ("k", &event("behind"))];
    produce(brokers, topic, Some(0), &[header, "x=y"], &odd);

    let expected = ["from kcat", "from Java", "from the future", "behind"];
    let told = lines.wait_for(expected.len(), SEEN_TIME, |line| {
        line["event_type"] == "org.example.happened.v1"
    });
    assert_eq!(told.len(), expected.len(), "{told:?}");
    assert!(told.iter().all(|line| line["service"] == "elsewhere"), "{told:?}");
    let causes = said(brokers, &shop.named("logs"));
    assert_eq!(causes, expected.map(str::to_owned).into());

    let letters = until("the dead letters are there", SEEN_TIME, || {
        let letters = read_all(brokers, &format!("{topic}.dlq"));
        if letters.len() == 3 { Ok(letters) } else { Err(letters) }
    });
    for letter in &letters {
        check_letter(&shop, letter);
    }
    let values: Vec<_> = letters.iter().filter_map(|letter| letter.value.as_deref()).collect();
    for value in ["neither JSON nor an event", odd[0].1, odd[1].1] {
        assert!(values.contains(&value), "{value} in {values:?}");
    }
    nothing_left(&stage, &shop);
    put_back_lands_again(&shop, topic);
    shop.stop();
    tell(&format!(
        "strangers: {} events by hand became lines, {} records that are none became dead letters, \
         such as {:?}",
        told.len(),
        letters.len(),
        letters[0].header("dlq-reason").unwrap()
    ));
}

/// A console of this shop puts back what nobody can read still, by its command, and it dies again.
fn put_back_lands_again(shop: &Shop, topic: &str) {
    let prefix = shop.named("");
    let variables = [("KAFKA_BROKERS", shop.brokers()), ("TOPIC_PREFIX", prefix.as_str())];
    let mut console = Program::start("console-service", &variables);
    let dlq = |words: &[&str]| {
        let mut command = Program::command("console-service");
        command.env("CONSOLE_PORT", console.port.to_string());
        let output = command.arg("dlq").args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let open = |replays: u64| {
        let listed = dlq(&["list", topic, "--state", "open", "--json"]);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let letters = listed["letters"].as_array().unwrap();
        let all = letters.len() == 3 && letters.iter().all(|l| l["replays"] == replays);
        if all { Ok(()) } else { Err(listed) }
    };
    until("the console lists them", SEEN_TIME, || open(0));
    let done = dlq(&["replay", "--all", topic]);
    assert!(done.contains("3 put back, 0 not"), "{done}");
    until("they are dead again", SEEN_TIME, || open(1));
    console.terminate();
    assert!(console.wait().success());
}

/// Waits until the group is through.
fn nothing_left(stage: &Stage, shop: &Shop) {
    until("the group has nothing left", SEEN_TIME, || {
        match shop.lag(&stage.servers, "notifications-service") {
            Some(0) => Ok(()),
            lag => Err(lag),
        }
    });
}

/// A dead letter tells why, and stands where its headers say that it stood.
fn check_letter(shop: &Shop, letter: &Record) {
    let header = |name: &str| {
        letter.header(name).unwrap_or_else(|| panic!("no {name} in {letter:?}")).to_owned()
    };
    assert!(!header("dlq-reason").is_empty());
    // What cannot be read is not tried.
    assert_eq!(header("dlq-attempts"), "0");
    assert_eq!(header("dlq-topic"), shop.named("notifications"));
    assert_eq!(header("dlq-group"), shop.named("notifications-service"));
    assert!(header("dlq-time").ends_with('Z'));
    let (partition, offset) = (header("dlq-partition"), header("dlq-offset"));
    let source = read_all(shop.brokers(), &shop.named("notifications"));
    let source = source.into_iter().find(|record| {
        (record.partition.to_string(), record.offset.to_string())
            == (partition.clone(), offset.clone())
    });
    let source = source.unwrap_or_else(|| panic!("nothing stands where {letter:?} says"));
    assert_eq!((source.key, source.value), (letter.key.clone(), letter.value.clone()));
    assert_eq!(letter.header("x").is_some(), letter.key.is_some(), "headers are kept");
}
