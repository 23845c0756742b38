//! Who fails to log in too often waits.

use std::time::Duration;

use futures::future::join_all;

use crate::client::{Answer, Call};
use crate::shop::{Shop, until};

async fn log_in(shop: &Shop, username: &str, password: &str) -> Answer {
    let form = format!("username={username}&password={password}");
    shop.users.send(Call::post("/login").form(&form)).await
}

async fn fail(shop: &Shop, username: &str, times: usize) {
    for n in 0..times {
        let answer = log_in(shop, username, &format!("wrong-{n}")).await;
        assert_eq!(answer.problem(401), "wrong-credentials", "{username} {n}");
    }
}

#[tokio::test]
async fn after_ten_failures_in_a_minute_a_name_waits_right_or_wrong() {
    let shop = Shop::open().await;
    let id = shop.register("alice").await;
    fail(&shop, "alice", 7).await;
    shop.clock.advance(Duration::from_secs(30));
    fail(&shop, "ALICE", 3).await;
    for password in ["secret", "wrong"] {
        let answer = log_in(&shop, "Alice", password).await;
        assert_eq!(answer.problem(429), "too-many-failed-logins");
        assert_eq!(answer.header("retry-after"), Some("30"));
    }
    // Others are not concerned, nor is whoever registers.
    shop.register("bob").await;
    shop.log_in("bob").await;
    shop.clock.advance(Duration::from_secs(30));
    shop.log_in("alice").await;
    until("the login to be told", || async { shop.told_about(&id).await.len() >= 2 }).await;
    assert_eq!(shop.told_about(&id).await.len(), 2, "and nothing of the one that had to wait");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_counted_as_one_that_somebody_has() {
    let shop = Shop::open().await;
    shop.register("alice").await;
    let mut answers = Vec::new();
    for name in ["alice", "nobody", "no%20name"] {
        fail(&shop, name, 10).await;
        let answer = log_in(&shop, name, "wrong").await;
        assert_eq!(answer.problem(429), "too-many-failed-logins", "{name}");
        answers.push(answer.text().to_owned());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn after_a_hundred_failures_in_a_minute_an_address_waits() {
    let shop = Shop::open().await;
    shop.register("alice").await;
    for n in 0..10 {
        fail(&shop, &format!("name{n}"), 10).await;
    }
    let answer = log_in(&shop, "alice", "secret").await;
    assert_eq!(answer.problem(429), "too-many-failed-logins");
    assert_eq!(answer.header("retry-after"), Some("60"));
    shop.clock.advance(Duration::from_mins(1));
    shop.log_in("alice").await;
}

#[tokio::test]
async fn logins_that_succeed_are_not_counted_however_many_come() {
    let shop = Shop::open().await;
    shop.register("alice").await;
    let answers = join_all((0..150).map(|_| log_in(&shop, "alice", "secret"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    fail(&shop, "alice", 9).await;
    shop.log_in("alice").await;
    fail(&shop, "alice", 1).await;
}

#[tokio::test]
async fn many_guesses_at_once_learn_no_more_than_one_after_the_other() {
    let shop = Shop::open().await;
    shop.register("alice").await;
    let guesses = (0..60).map(|n| log_in(&shop, "alice", if n == 55 { "secret" } else { "wrong" }));
    let mut told: Vec<_> = join_all(guesses).await.iter().map(|answer| answer.status).collect();
    told.retain(|status| *status != 429);
    told.sort_unstable();
    // The right one may come before the limit is reached: that guess was among the first.
    let expected = if told.contains(&200) { 11 } else { 10 };
    assert_eq!(told.len(), expected, "{told:?}");
}

#[tokio::test]
async fn what_is_no_login_at_all_is_not_counted() {
    let shop = Shop::open().await;
    shop.register("alice").await;
    for _ in 0..20 {
        let long = log_in(&shop, "alice", &"x".repeat(1_025)).await;
        assert_eq!(long.wrong_fields(), ["password"]);
        let call = Call::post("/login").form("username=alice");
        assert_eq!(shop.users.send(call).await.status, 422);
    }
    shop.log_in("alice").await;
}
