use std::time::Duration;

use comptoir_domain::event::Event;
use comptoir_domain::log_entry::LogEntry;
use comptoir_domain::port::bus::{LogAdmin as _, LogReader as _, Publisher as _};
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::record::Outgoing;
use comptoir_memory::Memory;
use comptoir_testkit::an_envelope;
use futures::future::join_all;
use tokio::time::Instant;

use super::*;
use crate::window::PartitionWindow;

/// Longer than any turn may be waited for here. The clock is virtual: in vain costs no time.
const LONG: Duration = Duration::from_hours(1);

/// A log whose window begins at its end, so that everybody who comes reads the log itself.
struct Shop {
    memory: Memory,
    logs: Topic,
    window: Arc<Window>,
    places: Places,
    ends: Vec<Offset>,
}

impl Shop {
    async fn with(partitions: u32, lines: usize) -> Self {
        let (memory, logs) = (Memory::new(), Topic::try_from("logs").unwrap());
        memory.admin().create_topics(std::slice::from_ref(&logs), partitions).await.unwrap();
        let records = (0..lines).map(|n| {
            let event = an_envelope().of_foreign(&format!("n{n}")).build();
            let line = an_envelope().of(Event::LogWritten(LogEntry::of(&event))).build();
            let record = <Memory as Log>::Codec::encode(&line, None);
            Outgoing { topic: logs.clone(), record }
        });
        memory.publisher().publish(records.collect()).await.unwrap();
        let bounds = memory.reader().bounds(&logs).await.unwrap();
        let ends: Vec<_> = bounds.iter().map(|bounds| bounds.next).collect();
        let window = Arc::new(Window::default());
        window.open(Uuid::nil(), ends.iter().map(|end| PartitionWindow::at(*end)).collect());
        Self { memory, logs, window, places: Places::default(), ends }
    }

    fn client(&self) -> Follower<Memory> {
        let (window, reader) = (Arc::clone(&self.window), self.memory.reader());
        let from = vec![Offset::ZERO; self.ends.len()];
        Follower::new(window, reader, self.logs.clone(), self.places.clone(), from)
    }

    /// Clients that read once and then take nothing, without end.
    async fn silent(&self, clients: usize) {
        let silent = (0..clients).map(async |n| {
            let mut client = self.client();
            let mut unsent = client.next(200).await.unwrap().lines;
            if n % 2 == 0 {
                client.rest::<()>(&mut unsent).await;
            } else {
                client.meanwhile(pending::<()>()).await;
            }
        });
        join_all(silent).await;
    }

    /// Reads to the end; how many lines there were.
    async fn all(&self, mut client: Follower<Memory>) -> usize {
        let mut lines = 0;
        while client.cursors() != self.ends {
            lines += client.next(200).await.unwrap().lines.len();
        }
        lines
    }
}

#[tokio::test(start_paused = true)]
async fn many_clients_behind_the_window_all_reach_the_end() {
    let shop = Shop::with(3, 600).await;
    let all = join_all((0..40).map(|_| shop.all(shop.client())));
    assert_eq!(timeout(LONG, all).await.unwrap(), [600; 40]);
}

#[tokio::test(start_paused = true)]
async fn a_client_behind_in_more_partitions_than_there_are_places_reaches_the_end() {
    let shop = Shop::with(40, 40 * 501).await;
    assert_eq!(timeout(LONG, shop.all(shop.client())).await.unwrap(), 40 * 501);
}

#[tokio::test(start_paused = true)]
async fn clients_that_take_nothing_give_their_places_to_those_who_wait() {
    let shop = Shop::with(3, 600).await;
    tokio::select! {
        biased;
        () = shop.silent(20) => unreachable!("they do nothing without end"),
        lines = timeout(LONG, shop.all(shop.client())) => assert_eq!(lines.unwrap(), 600),
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_lines_slowly_lets_others_have_a_turn() {
    let shop = Shop::with(3, 3_000).await;
    let slow = (0..20).map(async |_| {
        let mut client = shop.client();
        while client.cursors() != shop.ends {
            client.next(200).await.unwrap();
            sleep(Duration::from_secs(5)).await;
        }
    });
    let began = Instant::now();
    tokio::select! {
        biased;
        _ = join_all(slow) => unreachable!("they take minutes"),
        lines = shop.all(shop.client()) => assert_eq!(lines, 3_000),
    }
    let waited = began.elapsed();
    assert!(waited < Duration::from_secs(45), "two turns of others, but {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_took_nothing_for_long_misses_nothing() {
    let shop = Shop::with(3, 3_000).await;
    for others in [0, 20] {
        let mut client = shop.client();
        let mut unsent = client.next(200).await.unwrap().lines;
        let mut sent: Vec<_> = unsent.drain(..70).collect();
        let read = unsent.len();
        let waiting = async {
            shop.silent(others).await;
            pending::<()>().await;
        };
        tokio::select! {
            () = client.rest(&mut unsent) => unreachable!("it rests without end"),
            () = waiting => unreachable!("they do nothing without end"),
            () = sleep(LONG) => {}
        }
        assert_eq!(unsent.len(), if others == 0 { read } else { 0 }, "kept unless others wait");
        sent.append(&mut unsent);
        while client.cursors() != shop.ends {
            sent.extend(client.next(200).await.unwrap().lines);
        }
        let mut places: Vec<_> = sent.iter().map(|(at, line)| (*at, line.offset)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!((places.len(), sent.len()), (3_000, 3_000));
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_made_anew_while_a_client_waits_for_its_turn_is_not_taken_for_the_old_one() {
    let shop = Shop::with(3, 600).await;
    let many: Vec<_> = (0..16).map(Partition).collect();
    let all_places = [shop.places.turn(&many).await, shop.places.turn(&many).await];
    let mut client = shop.client();
    let mut reading = pin!(client.next(200));
    assert!(timeout(LONG, &mut reading).await.is_err(), "it waits for its turn");
    shop.window
        .open(Uuid::from_u128(1), shop.ends.iter().map(|end| PartitionWindow::at(*end)).collect());
    drop(all_places);
    let read = timeout(LONG, reading).await.unwrap();
    assert!(matches!(read, Err(BusError::Unavailable(_))), "{read:?}");
}

#[test]
fn a_share_is_never_nothing_while_there_is_room() {
    assert_eq!(share(200, 0, 3), 67);
    assert_eq!(share(200, 0, 1_000), 1, "more partitions than lines");
    assert_eq!(share(200, 199, 1_000), 1);
    assert_eq!(share(200, 200, 800), 0);
    assert_eq!(share(200, 3, 1), 197, "the last one gets all that is left");
}
