//! Passwords are hashed one after the other: what those who wait are told, and how long it takes.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use comptoir_auth::{HasherSettings, JwtTokens, Pbkdf2Hasher, Rounds, Secret};
use comptoir_domain::port::bus::LogAdmin as _;
use comptoir_domain::port::platform::Log as _;
use comptoir_http::PublicHosts;
use comptoir_memory::Memory;
use comptoir_runtime::context::Context;
use comptoir_runtime::supervise::Tasks;
use comptoir_testkit::{FakeClock, PATIENCE, SequentialIds, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::{Call, Service};
use crate::shop::until;

/// The users service alone.
struct Users {
    service: Service,
    clock: FakeClock,
    _running: JoinSet<bool>,
}

impl Users {
    async fn open(settings: HasherSettings) -> Self {
        let (memory, clock) = (Memory::new(), FakeClock::default());
        let (hosts, stop) = (PublicHosts::default(), CancellationToken::new());
        let (time, ids) = (Arc::new(clock.clone()), Arc::new(SequentialIds::new()));
        let context = Context::new("", time, ids, hosts, stop.clone()).unwrap();
        memory.admin().create_topics(&context.topics.all(), 1).await.unwrap();
        let secret = Secret::try_from("x".repeat(32)).unwrap();
        let security = comptoir_users::Security {
            hasher: Arc::new(Pbkdf2Hasher::start(settings).unwrap()),
            tokens: Arc::new(JwtTokens::new(&secret)),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = Service(listener.local_addr().unwrap());
        let mut tasks = Tasks::new(stop);
        let ready = comptoir_users::serve(&mut tasks, &context, &memory, security, listener);
        let mut running = JoinSet::new();
        running.spawn(tasks.run(std::future::pending::<()>));
        within(PATIENCE, "the service to be ready", ready.all_up()).await;
        Self { service, clock, _running: running }
    }

    /// Sends a login and leaves it waiting.
    async fn begin(&self, username: &str, password: &str) -> TcpStream {
        let body = format!("username={username}&password={password}");
        let head = format!(
            "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.service.0).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// A login that is not refused at once.
    async fn waits(&self, username: &str) -> Option<TcpStream> {
        let stream = self.begin(username, "secret").await;
        let answered = timeout(Duration::from_millis(20), stream.readable()).await;
        answered.is_err().then_some(stream)
    }

    async fn takes(&self, username: &str) -> Duration {
        let began = Instant::now();
        let mut stream = self.begin(username, "wrong-one").await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        began.elapsed()
    }
}

/// One thread, and hashes that take seconds: the queue stays as it is for the time of a test.
fn slow() -> HasherSettings {
    HasherSettings { rounds: Rounds::MAX, threads: NonZeroUsize::MIN, ..HasherSettings::default() }
}

#[tokio::test]
async fn a_full_queue_is_503_and_holds_nobody_else_up() {
    let users = Users::open(slow()).await;
    // One is being checked and 256 wait.
    let mut waiting = Vec::new();
    for n in 0..257 {
        waiting.push(users.begin(&format!("name{n}"), "secret").await);
    }
    let call = || Call::post("/login").form("username=late&password=secret");
    until("the queue to be full", async || users.service.send(call()).await.status == 503).await;
    let refused = users.service.send(call()).await;
    assert_eq!(refused.problem(503), "busy");
    assert!(refused.header("retry-after").is_some());
    let began = Instant::now();
    let me = users.service.get("/me").await;
    assert_eq!(me.problem(401), "unauthorized");
    assert_eq!(users.service.get("/health/ready").await.status, 200);
    let register = Call::post("/register").form("username=late&password=secret");
    assert_eq!(users.service.send(register).await.problem(503), "busy");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());

    // Who leaves frees a place: as many others wait instead of being refused.
    drop(waiting.split_off(200));
    until("a place in the queue", async || users.waits("patient").await.is_some()).await;
    for n in 0..50 {
        let stream = users.waits(&format!("patient{n}")).await;
        waiting.push(stream.expect("57 have left, and few have come since"));
    }
}

#[tokio::test]
async fn whoever_waits_too_long_is_told_to_come_again() {
    let patience = Duration::from_millis(100);
    let users = Users::open(HasherSettings { patience, ..slow() }).await;
    let _first = users.begin("first", "secret").await;
    let call = Call::post("/login").form("username=second&password=secret");
    let refused = users.service.send(call).await;
    assert_eq!(refused.problem(503), "busy");
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn a_wrong_password_takes_as_long_as_a_name_that_nobody_has() {
    const SAMPLES: usize = 21;
    let rounds = Rounds::try_from(20_000).unwrap();
    let users = Users::open(HasherSettings { rounds, ..HasherSettings::default() }).await;
    let register = Call::post("/register").form("username=alice&password=secret");
    users.service.send(register).await.ok(201);
    // They take turns, so that what a busy machine does falls on all of them.
    let names = ["alice", "nobody", "no%20name"];
    let mut times = names.map(|_| Vec::new());
    for _ in 0..SAMPLES {
        users.clock.advance(Duration::from_mins(1));
        for (name, times) in names.iter().zip(&mut times) {
            times.push(users.takes(name).await);
        }
    }
    let medians = times.map(|mut times| {
        times.sort_unstable();
        times[SAMPLES / 2]
    });
    let (shortest, longest) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    // Without a hash, the answer would come many times faster.
    assert!(*longest < *shortest * 3 / 2, "{medians:?}");
}
