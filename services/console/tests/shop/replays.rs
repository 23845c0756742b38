//! A dead letter that is put back has its effect once, whatever goes wrong while it is done.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use comptoir_domain::app::replay_dead_letter::ReplayDeadLetter;
use comptoir_domain::port::codec::{DeadRecord, EventCodec as _};
use comptoir_domain::port::platform::Log as _;
use comptoir_memory::{Memory, Odds};
use comptoir_runtime::supervise::Tasks;
use futures::future::join_all;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::client::{Call, Service};
use crate::grave::{Grave, Kind};
use crate::shop::{Codec, until};

/// By then what is unpublished counts as left over, and a sweep takes it up.
const LEFT_OVER: Duration = Duration::from_secs(6);

#[tokio::test]
async fn every_kind_of_event_has_its_effect_when_it_is_put_back() {
    for kind in Kind::ALL {
        let grave = Grave::dig(kind).await;
        let answer = grave.replay_all().await.ok(200);
        assert_eq!(
            (&answer["open"], answer["replayed"][0]["noted"].as_bool()),
            (&0.into(), Some(true))
        );
        grave.had_its_effect_once().await;
        assert_eq!((grave.count("open").await, grave.count("replayed").await), (0, 1));
        let again = grave.replay_all().await.ok(200);
        assert_eq!(again["replayed"], serde_json::json!([]), "nothing is left to do");
        assert_eq!(grave.put_back().await, 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_lost_acknowledgement_makes_a_repeat_and_no_second_effect() {
    for kind in Kind::ALL {
        let grave = Grave::dig(kind).await;
        grave.shop.memory.faults().lose_next_publish_answers(1);
        let lost = grave.replay_all().await;
        assert_eq!(lost.problem(503), "unavailable");
        until("a quiet shop", || async { grave.count("open").await == 1 }).await;
        grave.replay_all().await.ok(200);
        assert_eq!((grave.count("open").await, grave.put_back().await), (0, 2), "{kind:?}");
        grave.had_its_effect_once().await;
    }
}

/// Puts the letter back, polling so often; true if it came to its end.
async fn replay_for(grave: &Grave, polls: usize) -> bool {
    let dead = grave.shop.records(&grave.topic.dead_letters()).await;
    let Ok(DeadRecord::Letter(stored)) = Codec::read_dead(&dead[0].record) else {
        panic!("{dead:?}");
    };
    let publisher = grave.shop.memory.publisher();
    let clock = Arc::clone(&grave.shop.context.clock);
    let replaying = ReplayDeadLetter::<_, Codec>::new(publisher, clock);
    let mut future = pin!(replaying.run(&stored));
    let mut polled = 0;
    let done = std::future::poll_fn(|cx| {
        polled += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if polled >= polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    done.await.is_some()
}

#[tokio::test]
async fn dropped_at_any_moment_it_can_be_done_again() {
    let mut torn = 0;
    for kind in [Kind::ALL, Kind::ALL].concat() {
        let grave = Grave::dig(kind).await;
        // How many polls a call takes is chance.
        let mut polls = (1..=4).cycle();
        while !replay_for(&grave, polls.next().unwrap()).await {
            torn += usize::from(grave.put_back().await > 0 && grave.count("open").await == 1);
        }
        assert_eq!((grave.count("open").await, grave.count("replayed").await), (0, 1), "{kind:?}");
        grave.had_its_effect_once().await;
    }
    assert!(torn > 0, "some were dropped between the record and its note");
}

/// Another console on the same log, as another process has it.
async fn another_console(grave: &Grave) -> (Service, JoinSet<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = Service(listener.local_addr().unwrap());
    let mut tasks = Tasks::new(grave.shop.context.stop.clone());
    let platform: Memory = grave.shop.memory.another_process();
    comptoir_console::serve(&mut tasks, &grave.shop.context, &platform, 1, listener);
    let mut running = JoinSet::new();
    running.spawn(tasks.run(std::future::pending::<()>));
    (service, running)
}

#[tokio::test]
async fn two_consoles_at_the_same_time_do_no_harm() {
    for kind in Kind::ALL {
        let grave = Grave::dig(kind).await;
        let (other, _running) = another_console(&grave).await;
        let path = format!("/api/v1/topics/{}/dead-letters/replay", grave.topic);
        let order = Call::post(&path).json(r#"{"all":true}"#);
        let both = [grave.shop.console, other, grave.shop.console, other];
        for answer in join_all(both.iter().map(|console| console.send(order.clone()))).await {
            assert_eq!(answer.ok(200)["open"], 0, "{kind:?}");
        }
        let copies = grave.put_back().await;
        assert!((1..=2).contains(&copies), "{kind:?}: {copies}, where one process takes turns");
        grave.had_its_effect_once().await;
        assert_eq!((grave.count("open").await, grave.count("replayed").await), (0, 1));
    }
}

#[tokio::test]
async fn in_foul_weather_it_takes_longer_and_comes_out_the_same() {
    for kind in Kind::ALL {
        let grave = Grave::dig(kind).await;
        let faults = grave.shop.memory.faults();
        faults.set_odds(Odds { fail: 200, lose_answer: 200, ..Odds::default() });
        for _ in 0..200 {
            let answer = grave.replay_all().await;
            if answer.status == 200 && answer.ok(200)["open"] == 0 {
                break;
            }
        }
        faults.set_odds(Odds::default());
        grave.shop.clock.advance(LEFT_OVER);
        let left = grave.replay_all().await.ok(200);
        assert_eq!(left["open"], 0, "{kind:?}");
        grave.had_its_effect_once().await;
    }
}
