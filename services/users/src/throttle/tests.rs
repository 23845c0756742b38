use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_770_091_506_250);
const SECOND: Duration = Duration::from_secs(1);

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// Fails so many times at once; gives how often that was told.
fn fail(throttle: &Throttle, attempt: Attempt, times: usize, now: Timestamp) -> usize {
    (0..times).filter(|_| throttle.failed(attempt, now).is_ok()).count()
}

#[test]
fn ten_failures_of_a_name_in_any_minute_are_told() {
    let throttle = Throttle::new();
    let alice = throttle.attempt("alice", address(1));
    assert_eq!(throttle.check(alice, NOW), Ok(()));
    assert_eq!(fail(&throttle, alice, 4, NOW), 4);
    let later = NOW.plus(SECOND * 50);
    assert_eq!(fail(&throttle, alice, 20, later), 6);
    assert_eq!(throttle.check(alice, later), Err(TooMany(SECOND * 10)));
    // The four are over, the six are not: there is never a minute with more than ten.
    let over = NOW.plus(SECOND * 60);
    assert_eq!(throttle.check(alice, over), Ok(()));
    assert_eq!(fail(&throttle, alice, 20, over), 4);
    assert_eq!(throttle.check(alice, over), Err(TooMany(SECOND * 50)));
}

#[test]
fn to_the_millisecond_a_failure_counts_for_a_minute() {
    let throttle = Throttle::new();
    let alice = throttle.attempt("alice", address(1));
    fail(&throttle, alice, 10, NOW);
    let just_before = NOW.plus(Duration::from_millis(59_999));
    assert_eq!(throttle.check(alice, just_before), Err(TooMany(Duration::from_millis(1))));
    assert_eq!(throttle.check(alice, NOW.plus(WINDOW)), Ok(()));
}

#[test]
fn waiting_as_long_as_is_said_is_enough() {
    let throttle = Throttle::new();
    let alice = throttle.attempt("alice", address(1));
    let mut now = NOW;
    for step in 0..100_u32 {
        match throttle.failed(alice, now) {
            Ok(()) => now = now.plus(Duration::from_millis(u64::from(step % 7) * 531)),
            Err(TooMany(wait)) => {
                now = now.plus(wait);
                assert_eq!(throttle.check(alice, now), Ok(()), "{step}");
            }
        }
    }
}

#[test]
fn what_is_refused_by_the_limit_does_not_count() {
    let throttle = Throttle::new();
    let alice = throttle.attempt("alice", address(1));
    fail(&throttle, alice, 10, NOW);
    assert_eq!(fail(&throttle, alice, 1_000, NOW.plus(SECOND * 59)), 0);
    assert_eq!(throttle.check(alice, NOW.plus(WINDOW)), Ok(()));
    // Nor against the address.
    assert_eq!(fail(&throttle, throttle.attempt("bob", address(1)), 20, NOW.plus(SECOND)), 10);
}

#[test]
fn a_name_counts_in_whatever_case_and_from_every_address() {
    let throttle = Throttle::new();
    for (n, name) in ["alice", "ALICE", "aLiCe", "żółw", "ŻÓŁW"].into_iter().enumerate() {
        let attempt = throttle.attempt(name, address(u8::try_from(n).unwrap()));
        assert_eq!(fail(&throttle, attempt, 4, NOW), if name == "aLiCe" { 2 } else { 4 }, "{name}");
    }
    assert_eq!(throttle.check(throttle.attempt("alicf", address(9)), NOW), Ok(()));
}

#[test]
fn an_address_may_fail_a_hundred_times_a_minute() {
    let throttle = Throttle::new();
    let told: usize = (0..150)
        .map(|n| fail(&throttle, throttle.attempt(&format!("name{n}"), address(1)), 1, NOW))
        .sum();
    assert_eq!(told, 100);
    let new = throttle.attempt("somebody-new", address(1));
    assert_eq!(throttle.check(new, NOW), Err(TooMany(WINDOW)));
    assert_eq!(throttle.check(throttle.attempt("somebody-new", address(2)), NOW), Ok(()));
}

#[test]
fn the_addresses_of_a_network_count_together() {
    let of = |text: &str| network(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    assert_eq!(of("::1"), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
}

#[test]
fn a_clock_that_is_put_back_locks_nobody_out() {
    let throttle = Throttle::new();
    let alice = throttle.attempt("alice", address(1));
    fail(&throttle, alice, 10, NOW);
    let before = Timestamp::from_millis(NOW.as_millis() - 3_600_000);
    assert_eq!(throttle.check(alice, before), Ok(()));
    assert_eq!(fail(&throttle, alice, 20, before), 10);
    for odd in [i64::MIN, i64::MAX] {
        assert_eq!(throttle.check(alice, Timestamp::from_millis(odd)), Ok(()));
    }
}

#[test]
fn memory_is_bounded_and_a_count_is_not_lost_to_names_with_fewer() {
    let mut failures = Failures::new(10, 100);
    let target = u64::MAX;
    for _ in 0..10 {
        failures.add(target, NOW);
    }
    for key in 0..10_000 {
        failures.add(key, NOW.plus(Duration::from_millis(key % 1_000)));
        assert!(failures.times.len() <= 100, "{key}");
    }
    assert!(failures.wait(target, NOW.plus(SECOND)).is_some(), "ten failures outlast one each");
    // What does not count any more makes room first.
    failures.add(10_000, NOW.plus(WINDOW * 2));
    assert_eq!(failures.times.len(), 1);
}

#[test]
fn a_key_keeps_no_more_times_than_count() {
    let throttle = Throttle::new();
    let alice = throttle.attempt("alice", address(1));
    for n in 0..10_000 {
        let _ = throttle.failed(alice, NOW.plus(SECOND * n));
    }
    let counts = throttle.counts();
    assert!(counts.names.times[&alice.name].len() <= PER_NAME);
    assert!(counts.addresses.times[&alice.address].len() <= PER_ADDRESS);
}
