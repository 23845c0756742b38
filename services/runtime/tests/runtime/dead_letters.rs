//! What nobody can handle goes to the dead letters, whole, and stands in nobody's way.

use comptoir_domain::port::bus::MAX_RECORD_BYTES;
use comptoir_domain::port::platform::Log;
use comptoir_domain::port::world::Clock as _;
use comptoir_domain::record::{Position, Record};
use comptoir_domain::topic::Offset;
use comptoir_memory::Memory;
use comptoir_runtime::dead_letters::DeadLetters;
use std::sync::Arc;

use crate::consuming::WHOLE_BATCH;
use crate::recorder::{Fate, Recorder};
use crate::world::{World, event, id_of};

/// Never done; the others always are.
fn poison(fate: Fate) -> Recorder {
    Recorder::deciding(move |id, _| if id == "poison" { fate } else { Fate::Done })
}

fn header<'a>(record: &'a Record, name: &str) -> &'a str {
    let value = record.header(name);
    let value = value.unwrap_or_else(|| panic!("no {name} in {record:?}"));
    std::str::from_utf8(value).unwrap()
}

#[tokio::test(start_paused = true)]
async fn after_five_attempts_a_record_goes_to_the_dead_letters_as_it_was() {
    let world = World::new(3).await;
    let mut record = event(&world.key_on(2), "poison");
    record.headers.push(("x".to_owned(), vec![0xff, 0x00]));
    record.headers.push(("x".to_owned(), Vec::new()));
    world.publish_to(2, &["e0"]).await;
    world.publish([record.clone()]).await;
    let recorder = poison(Fate::Failed);
    let _consumer = world.consume(recorder.clone());
    world.until_committed(2, 2).await;

    assert_eq!(recorder.seen("poison"), 5);
    let dead = world.dead().await;
    let [letter] = dead.as_slice() else {
        panic!("{dead:?}");
    };
    assert_eq!((&letter.key, &letter.value), (&record.key, &record.value));
    assert_eq!(letter.headers[..record.headers.len()], record.headers);
    for (name, expected) in [
        ("dlq-reason", "the test wants it so: and not otherwise"),
        ("dlq-attempts", "5"),
        ("dlq-topic", "notifications"),
        ("dlq-partition", "2"),
        ("dlq-offset", "1"),
        ("dlq-time", "2026-01-01T00:00:00.000Z"),
        ("dlq-group", "notifications-service"),
    ] {
        assert_eq!(header(letter, name), expected, "{name}");
    }
    assert_eq!(letter.headers.len(), record.headers.len() + 7);
    assert_eq!(letter.time, world.clock.now());
}

#[tokio::test(start_paused = true)]
async fn a_bad_record_does_not_stop_the_others_of_its_batch() {
    for fate in [Fate::Failed, Fate::Panics] {
        let world = World::seeded(1, WHOLE_BATCH).await;
        world.publish_to(0, &["e0", "poison", "e2", "e3"]).await;
        let recorder = poison(fate);
        let _consumer = world.consume(recorder.clone());
        world.until_committed(0, 4).await;
        assert_eq!(recorder.calls()[0], ["e0", "poison", "e2", "e3"], "{fate:?}");
        let mut done = recorder.done();
        done.sort();
        assert_eq!(done, ["e0", "e2", "e3"], "{fate:?}");
        assert_eq!(recorder.seen("poison"), 5, "{fate:?}");
        let dead: Vec<_> = world.dead().await.iter().map(id_of).collect();
        assert_eq!(dead, ["poison"], "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_counts_as_a_failure_and_is_the_reason() {
    let world = World::new(1).await;
    world.publish_to(0, &["poison", "e1"]).await;
    let _consumer = world.consume(poison(Fate::Panics));
    world.until_committed(0, 2).await;
    let dead = world.dead().await;
    assert_eq!(header(&dead[0], "dlq-attempts"), "5");
    let reason = "the handler panicked: the test wants a panic";
    assert_eq!(header(&dead[0], "dlq-reason"), reason);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_fails_a_few_times_is_no_dead_letter() {
    let world = World::new(1).await;
    world.publish_to(0, &["e0"]).await;
    let recorder = Recorder::deciding(|_, seen| if seen < 4 { Fate::Failed } else { Fate::Done });
    let _consumer = world.consume(recorder.clone());
    world.until_committed(0, 1).await;
    assert_eq!(recorder.seen("e0"), 5);
    assert_eq!(world.dead().await, []);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_what_is_away_is_no_attempt() {
    let world = World::new(1).await;
    world.publish_to(0, &["e0"]).await;
    let recorder = Recorder::deciding(|_, seen| match seen {
        40 => Fate::Done,
        n if n % 10 == 9 => Fate::Failed,
        _ => Fate::Retry,
    });
    let _consumer = world.consume(recorder.clone());
    world.until_committed(0, 1).await;
    assert_eq!(recorder.done(), ["e0"], "four failures among forty tries");
    assert_eq!(world.dead().await, []);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_goes_to_the_dead_letters_at_once() {
    let world = World::new(1).await;
    let unreadable = |value: Option<&[u8]>| Record {
        key: Some(b"k".to_vec()),
        value: value.map(<[u8]>::to_vec),
        headers: vec![("content-type".to_owned(), b"text/plain".to_vec())],
        time: world.clock.now(),
    };
    let bad = [
        unreadable(Some(b"not json")),
        unreadable(Some(&[0xff, 0xfe])),
        unreadable(None),
        unreadable(Some(b"")),
        unreadable(Some(br#"{"specversion":"1.0"}"#)),
    ];
    world.publish_to(0, &["e0"]).await;
    world.publish(bad.clone()).await;
    world.publish_to(0, &["e1"]).await;
    let recorder = Recorder::willing();
    let _consumer = world.consume(recorder.clone());
    world.until_committed(0, 7).await;
    assert_eq!(recorder.done(), ["e0", "e1"], "the handler never sees it");
    let dead = world.dead().await;
    assert_eq!(dead.len(), bad.len());
    for (n, (letter, original)) in dead.iter().zip(&bad).enumerate() {
        assert_eq!((&letter.key, &letter.value), (&original.key, &original.value));
        assert_eq!(letter.headers[..1], original.headers);
        assert_eq!(header(letter, "dlq-attempts"), "0");
        assert_eq!(header(letter, "dlq-offset"), (n + 1).to_string());
        let reason = header(letter, "dlq-reason");
        assert!(reason.contains("not a readable CloudEvent"), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_published_before_its_record_is_committed() {
    let world = World::new(1).await;
    world.memory.faults().fail_next_commits(1);
    world.publish_to(0, &["poison"]).await;
    let crashing = world.consume(poison(Fate::Failed));
    world.until_dead(1).await;
    assert_eq!(world.committed(0).await, None);

    crashing.crash().await;
    let _consumer = world.consume(poison(Fate::Failed));
    world.until_committed(0, 1).await;
    let offsets: Vec<_> =
        world.dead().await.iter().map(|l| header(l, "dlq-offset").to_owned()).collect();
    assert_eq!(offsets, ["0", "0"], "a crash between the two makes a second copy, and no loss");
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_cannot_be_published_holds_its_partition() {
    let world = World::new(1).await;
    let mut bad = event("k", "bad");
    bad.value = None;
    world.publish([bad]).await;
    world.memory.faults().fail_next_publishes(20);
    world.memory.faults().lose_next_publish_answers(1);
    let recorder = Recorder::willing();
    let _consumer = world.consume(recorder);
    world.until_dead(1).await;
    assert_eq!(world.committed(0).await, None, "its answer was lost");
    world.until_committed(0, 1).await;
    assert_eq!(world.dead().await.len(), 2, "published again, for all it knew");
}

#[tokio::test(start_paused = true)]
async fn a_letter_too_large_for_the_dead_letters_is_cut() {
    let world = World::new(1).await;
    let (group, _) = world.subscription();
    let letters = DeadLetters::<_, <Memory as Log>::Codec>::new(
        world.memory.publisher(),
        group,
        Arc::clone(&world.context.clock),
        Arc::clone(&world.context.ids),
    );
    let mut original = event("k", "large");
    original.value = Some(vec![b'x'; 2 * MAX_RECORD_BYTES]);
    let source = Position { at: world.at(0), offset: Offset(7) };
    let stop = &world.context.stop;
    assert!(letters.put(source, &original, "too large".to_owned(), 5, stop).await);
    let dead = world.dead().await;
    assert_eq!(dead[0].value.as_ref().unwrap().len(), 64 * 1024);
    assert_eq!(header(&dead[0], "dlq-truncated"), "2000000");
    assert_eq!(dead[0].key, original.key);
}
