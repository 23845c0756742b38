//! MongoDB stands still, and is cut off: an honest answer in time, and recovery without help.

use std::thread;
use std::time::Duration;

use crate::stage::Stage;
use comptoir_stage::Proxy;
use comptoir_stage::http::{self, Answer};
use comptoir_stage::patience::{now, tell, until};
use comptoir_stage::{MONGO, Shop};

/// The store has five seconds to answer; then the caller is told.
const REQUEST_TIME: Duration = Duration::from_millis(6_500);
/// How soon a service must say that the store is away, or back.
const NOTICE_TIME: Duration = Duration::from_secs(30);

const SERVICES: [&str; 3] = ["users-service", "payments-service", "inventories-service"];

#[test]
fn without_the_store_answers_are_503_in_time_and_it_recovers_by_itself() {
    let Some(stage) = Stage::enter() else { return };
    let proxy = Proxy::to(stage.servers.ports.mongo());
    let uri = format!("mongodb://localhost:{}", proxy.port());
    let shop = Shop::open(&stage.servers, "store-away-", &[("MONGODB_URI", &uri)]);
    let mut payments = vec![shop.pay("")];
    shop.all_confirmed(&payments);

    stage.servers.ctl(&["stop", MONGO]);
    let still = refuses_in_time(&shop, &payments[0]);
    stage.servers.ctl(&["cont", MONGO]);
    let still_back = recovers(&shop, "still", &mut payments);

    proxy.cut();
    let cut = refuses_in_time(&shop, &payments[0]);
    proxy.mend();
    let cut_back = recovers(&shop, "cut", &mut payments);
    // A request that was refused may have been written all the same, but then it is whole.
    shop.no_lag(&stage.servers);
    shop.all_confirmed(&payments);
    shop.stop();
    tell(&format!(
        "MongoDB away: slowest 503 after {} ms standing still, {} ms cut off; all works again {} and {} ms \
         after it is back",
        still.as_millis(),
        cut.as_millis(),
        still_back.as_millis(),
        cut_back.as_millis()
    ));
}

/// Every request that needs the store must be told 503 in time, and readiness must name the store; how
/// long the slowest took.
fn refuses_in_time(shop: &Shop, payment: &str) -> Duration {
    let payment = format!("/payments/{payment}");
    let requests = [
        ("users-service", "POST", "/register", "username=nobody&password=secret"),
        ("users-service", "POST", "/login", "username=nobody&password=secret"),
        ("payments-service", "POST", "/pay", ""),
        ("payments-service", "GET", &payment, ""),
        ("inventories-service", "GET", "/stock", ""),
        ("inventories-service", "GET", "/stock/coffee-mug", ""),
        ("inventories-service", "POST", "/stock/coffee-mug/receipts", "quantity=1"),
    ];
    // Twice: the second round finds a driver that knows already.
    let mut slowest = Duration::ZERO;
    for _ in 0..2 {
        let round = thread::scope(|scope| {
            let asked = requests.map(|request| scope.spawn(move || ask(shop, request)));
            asked.map(|asked| asked.join().unwrap()).into_iter().max()
        });
        slowest = slowest.max(round.unwrap());
        for service in SERVICES {
            is_unready(shop, service);
        }
    }
    // Those without a store do not mind.
    for service in ["notifications-service", "logs-service"] {
        assert_eq!(shop.get(service, "/health/ready").status, 200, "{service}");
    }
    slowest
}

fn ask(shop: &Shop, (service, method, path, form): (&str, &str, &str, &str)) -> Duration {
    let (began, port) = (now(), shop.port(service));
    let answer = if method == "GET" { http::get(port, path) } else { http::post(port, path, form) };
    let (answer, took) = (answer.unwrap(), began.elapsed());
    assert_eq!(answer.status, 503, "{method} {path}: {answer:?}");
    assert!(answer.header("retry-after").is_some(), "{method} {path}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    assert!(took < REQUEST_TIME, "{method} {path}: {took:?}");
    took
}

#[track_caller]
fn is_unready(shop: &Shop, service: &str) {
    let answer = until(&format!("{service} misses MongoDB"), NOTICE_TIME, || {
        let answer = shop.get(service, "/health/ready");
        if answer.status == 503 { Ok(answer) } else { Err(answer) }
    });
    assert_eq!(answer.json()["missing"], serde_json::json!(["mongodb"]), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

/// Waits until everything works again, and pays; how long it took.
fn recovers(shop: &Shop, user: &str, payments: &mut Vec<String>) -> Duration {
    let began = now();
    for service in SERVICES {
        until(&format!("{service} is ready again"), NOTICE_TIME, || {
            let answer = shop.get(service, "/health/ready");
            if answer.status == 200 { Ok(()) } else { Err(answer) }
        });
    }
    let form = format!("username={user}&password=secret");
    let first = |asked: Answer| (asked.status == 201).then_some(()).ok_or(asked);
    until("a user can register", NOTICE_TIME, || {
        first(shop.post("users-service", "/register", &form))
    });
    payments.push(shop.pay(""));
    shop.all_confirmed(payments);
    began.elapsed()
}
