//! All tasks of a program end together, in order, and in time.

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir_runtime::stop_times::{FLUSH, ONE_REQUEST, WORK};
use comptoir_runtime::supervise::{TaskResult, Tasks};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::world::LONG;

/// What happened, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<&'static str>>>);

impl Diary {
    fn note(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }

    fn all(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

struct Program {
    stop: CancellationToken,
    tasks: Tasks,
    diary: Diary,
}

impl Program {
    fn new() -> Self {
        let stop = CancellationToken::new();
        Self { tasks: Tasks::new(stop.clone()), stop, diary: Diary::default() }
    }

    /// Work that takes so long to end once it is asked to.
    fn worker(mut self, takes: Duration) -> Self {
        let (stop, diary) = (self.stop.clone(), self.diary.clone());
        self.tasks.work("worker", async move {
            stop.cancelled().await;
            // What takes time here is awaited, as a drain is.
            let _ = timeout(takes, pending::<()>()).await;
            diary.note("worked");
            Ok(())
        });
        self
    }

    fn relay(mut self) -> Self {
        let diary = self.diary.clone();
        self.tasks.relay("relay", |flush| async move {
            flush.cancelled().await;
            diary.note("flushed");
            Ok(())
        });
        self
    }

    fn ending(mut self, task: impl Future<Output = TaskResult> + Send + 'static) -> Self {
        self.tasks.work("short", task);
        self
    }

    /// Runs with signals at these times; whether it was clean, and how long it took.
    async fn run(self, signals: &[Duration]) -> (bool, Duration, Vec<&'static str>) {
        let began = Instant::now();
        let mut left = signals.iter();
        let signal = async || match left.next() {
            Some(at) => sleep_until(began + *at).await,
            None => pending().await,
        };
        let clean = timeout(LONG, self.tasks.run(signal)).await.unwrap();
        assert!(self.stop.is_cancelled());
        (clean, began.elapsed(), self.diary.all())
    }
}

const NOW: Duration = Duration::ZERO;
const SHORT: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_signal_stops_everything_cleanly_relays_last() {
    let program = Program::new().worker(SHORT).relay().worker(SHORT / 2);
    let (clean, took, diary) = program.run(&[NOW]).await;
    assert!(clean);
    assert_eq!(took, SHORT);
    assert_eq!(diary, ["worked", "worked", "flushed"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_from_within_is_clean_too() {
    let program = Program::new().worker(SHORT).relay();
    program.stop.cancel();
    let (clean, _, diary) = program.run(&[]).await;
    assert!(clean);
    assert_eq!(diary, ["worked", "flushed"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_task_that_ends_stops_all_and_is_no_clean_stop() {
    let ends: [fn() -> TaskResult; 3] =
        [|| Ok(()), || Err("broken".into()), || panic!("the test wants a panic")];
    for end in ends {
        let program = Program::new().worker(SHORT).relay();
        let program = program.ending(async move { end() });
        let (clean, took, diary) = program.run(&[]).await;
        assert!(!clean);
        assert_eq!(took, SHORT);
        assert_eq!(diary, ["worked", "flushed"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_ends_stops_all() {
    let mut program = Program::new().worker(SHORT);
    program.tasks.relay("broken", |_| async { Ok(()) });
    let (clean, _, diary) = program.run(&[]).await;
    assert!(!clean);
    assert_eq!(diary, ["worked"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_ends_the_wait() {
    let program = Program::new().worker(SHORT).relay();
    let (clean, took, diary) = program.run(&[NOW, SHORT / 2]).await;
    assert!(!clean);
    assert_eq!(took, SHORT / 2);
    assert_eq!(diary, [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn signals_of_one_moment_are_one() {
    let program = Program::new().worker(SHORT).relay();
    let (clean, took, diary) = program.run(&[NOW, NOW, ONE_REQUEST / 2]).await;
    assert!(clean);
    assert_eq!(took, SHORT);
    assert_eq!(diary, ["worked", "flushed"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_stop_of_its_own_the_first_signal_ends_the_wait() {
    let program = Program::new().worker(SHORT).relay();
    program.stop.cancel();
    let (clean, took, _) = program.run(&[NOW]).await;
    assert!(!clean);
    assert_eq!(took, NOW);
}

#[tokio::test(start_paused = true)]
async fn work_that_does_not_end_is_left_and_relays_still_flush() {
    let program = Program::new().worker(LONG).relay();
    let (clean, took, diary) = program.run(&[NOW]).await;
    assert!(!clean);
    assert_eq!(took, WORK);
    assert_eq!(diary, ["flushed"]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_does_not_end_is_left() {
    let mut program = Program::new().worker(Duration::ZERO);
    program.tasks.relay("hangs", |_| pending());
    let (clean, took, diary) = program.run(&[NOW]).await;
    assert!(!clean);
    assert_eq!(took, FLUSH);
    assert_eq!(diary, ["worked"]);
}

/// What was logged.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_crashes_or_does_not_end_is_named() {
    let said = Said::default();
    let writer = said.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(log.finish());
    let mut program = Program::new().worker(LONG);
    program.tasks.work("crashing", async { panic!("the test wants a panic") });
    program.tasks.relay("hanging", |_| pending());
    let (clean, ..) = program.run(&[]).await;
    assert!(!clean);
    let said = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
    let line =
        |of: &str| said.lines().find(|line| line.contains(of)).unwrap_or_default().to_owned();
    let crash = line("crashed");
    assert!(crash.contains("\"crashing\"") && crash.contains("the test wants a panic"), "{said}");
    assert!(line("work in hand did not end").contains("\"worker\""), "{said}");
    assert!(line("the relays did not end").contains("\"hanging\""), "{said}");
}
