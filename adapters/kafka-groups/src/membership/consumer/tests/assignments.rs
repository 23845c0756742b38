use super::*;

#[test]
fn joining_says_everything_with_epoch_zero() {
    let mut bench = Bench::new(terms());
    let (_, request) = bench.sends();
    assert_eq!((request.member_epoch, &*request.member_id), (0, ME.to_string().as_str()));
    assert_eq!(request.rebalance_timeout_ms, 60_000);
    assert_eq!(request.subscribed_topic_names.as_ref().unwrap().len(), 1);
    assert_eq!(owned(&request), Some(vec![]));
    assert_eq!(bench.machine.step(bench.now), Step::Wait(None), "one request at a time");
}

#[test]
fn an_assignment_is_owned_once_its_topic_has_a_name() {
    let mut bench = Bench::new(terms());
    let (ticket, _) = bench.sends();
    bench.answer(ticket, 3, Some(&[(TOPIC, &[0, 1])]));
    assert_eq!(bench.told(), [Change::Name(vec![TOPIC])]);
    assert_eq!(bench.machine.standing().epoch, 3);
    bench.name(&[(TOPIC, "t")]);
    assert_eq!(bench.told(), [Change::Assigned(places_of(&[0, 1])), Change::Joined]);
    let (_, request) = bench.sends();
    assert_eq!((request.member_epoch, owned(&request)), (3, Some(vec![0, 1])), "told at once");
    assert_eq!(request.subscribed_topic_names, None, "only what changed");
    assert_eq!(request.rebalance_timeout_ms, -1);
}

#[test]
fn an_empty_assignment_is_one() {
    let mut bench = Bench::new(terms());
    let (ticket, _) = bench.sends();
    bench.answer(ticket, 3, Some(&[]));
    assert_eq!(bench.told(), [Change::LetIn], "more may come before long");
    let request = bench.beat(3, None);
    assert_eq!(owned(&request), None);
    bench.told();
    bench.beat(4, Some(&[(TOPIC, &[2])]));
    bench.name(&[(TOPIC, "t")]);
    assert_eq!(bench.told()[1..], [Change::Assigned(places_of(&[2])), Change::Joined]);
}

#[test]
fn a_heartbeat_without_news_says_nothing_but_the_epoch() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    let (_, request) = bench.sends();
    assert_eq!((request.member_epoch, owned(&request)), (1, None));
    assert_eq!((request.subscribed_topic_names, request.rebalance_timeout_ms), (None, -1));
}

#[test]
fn heartbeats_keep_the_interval() {
    let mut bench = Bench::member(&[0]);
    assert_eq!(bench.machine.step(bench.now), Step::Wait(Some(bench.now + INTERVAL)));
    bench.now += INTERVAL;
    let (ticket, _) = bench.sends();
    let sent = bench.now;
    bench.answer(ticket, 1, None);
    assert_eq!(bench.machine.step(bench.now), Step::Wait(Some(sent + INTERVAL)));
}

#[test]
fn a_revocation_is_acknowledged_at_once_when_it_is_released() {
    let mut bench = Bench::member(&[0, 1]).after(INTERVAL);
    bench.beat(1, Some(&[(TOPIC, &[0])]));
    assert_eq!(bench.told(), [Change::Revoking(places_of(&[1]))]);
    let request = bench.beat(1, None);
    assert_eq!(owned(&request), None, "it still owns both");
    bench.release(&[1]);
    let (ticket, request) = bench.sends();
    assert_eq!(owned(&request), Some(vec![0]));
    bench.answer(ticket, 2, None);
    assert_eq!(bench.told(), []);
    assert_eq!(bench.machine.standing().epoch, 2);
}

#[test]
fn what_is_released_while_a_heartbeat_is_under_way_is_told_with_the_next() {
    let mut bench = Bench::member(&[0, 1]).after(INTERVAL);
    bench.beat(1, Some(&[(TOPIC, &[0])]));
    let (ticket, _) = bench.sends_in_time();
    bench.release(&[1]);
    bench.answer(ticket, 1, None);
    let (_, request) = bench.sends();
    assert_eq!(owned(&request), Some(vec![0]));
}

#[test]
fn only_what_is_revoked_can_be_released() {
    let mut bench = Bench::member(&[0]);
    bench.release(&[0, 5]);
    bench.now += INTERVAL;
    let (_, request) = bench.sends();
    assert_eq!(owned(&request), None);
}

#[test]
fn what_comes_back_while_it_is_revoked_is_assigned_after_its_release() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    bench.beat(1, Some(&[]));
    bench.beat(1, Some(&[(TOPIC, &[0])]));
    assert_eq!(bench.told(), [Change::Revoking(places_of(&[0]))]);
    bench.release(&[0]);
    assert_eq!(bench.told(), [Change::Assigned(places_of(&[0]))]);
}

#[test]
fn ids_without_a_name_are_kept_and_asked_for_once_at_a_time() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    bench.beat(1, Some(&[(TOPIC, &[0]), (OTHER, &[4])]));
    bench.beat(1, Some(&[(TOPIC, &[0, 1]), (OTHER, &[4])]));
    let news = [Change::Name(vec![OTHER]), Change::Assigned(places_of(&[1]))];
    assert!(bench.told().iter().all(|change| news.contains(change)), "asked for once");
    bench.name(&[]);
    assert_eq!(bench.told(), []);
    bench.now += NAME_AGAIN;
    bench.machine.step(bench.now);
    bench.take();
    assert_eq!(bench.told(), [Change::Name(vec![OTHER])]);
    bench.name(&[(OTHER, "u")]);
    assert_eq!(bench.told(), [Change::Assigned(vec![TopicPartition::new("u", 4)])]);
}

#[test]
fn of_a_topic_made_anew_the_old_log_is_lost_before_the_new_one_is_owned() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    bench.beat(1, Some(&[(OTHER, &[0])]));
    // Until the new one has a name, the partition is merely another's.
    let asked = bench.told();
    assert_eq!(asked, [Change::Revoking(places_of(&[0])), Change::Name(vec![OTHER])]);
    bench.name(&[(OTHER, "t")]);
    let (lost, gained) = (Change::Lost(places_of(&[0])), Change::Assigned(places_of(&[0])));
    assert_eq!(bench.told(), [lost, gained], "nothing may be committed in between");
    bench.release(&[0]);
    assert_eq!(bench.told(), [], "it was the old one that was to be released");
}
