use proptest::prelude::*;

use super::*;

fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn member(id: &str, topics: &[&str]) -> Subscriber {
    Subscriber {
        member: id.to_owned(),
        topics: topics.iter().map(|topic| Arc::from(*topic)).collect(),
        generation: -1,
        ..Subscriber::default()
    }
}

fn owning(id: &str, generation: i32, owned: &[TopicPartition]) -> Subscriber {
    Subscriber { owned: owned.iter().cloned().collect(), generation, ..member(id, &["t"]) }
}

fn counts(counts: &[(&str, i32)]) -> Counts {
    counts.iter().map(|(topic, count)| (Arc::from(*topic), *count)).collect()
}

fn numbers(assignment: &Assignment, member: &str, topic: &str) -> Vec<i32> {
    let of = assignment[member].iter().filter(|at| &*at.topic == topic);
    of.map(|at| at.partition).collect()
}

#[test]
fn names_are_those_of_java() {
    for assignor in [Assignor::Range, Assignor::CooperativeSticky] {
        assert_eq!(Assignor::from_name(assignor.name()), Some(assignor));
    }
    assert_eq!(Assignor::from_name("roundrobin"), None);
}

#[test]
fn ranges_give_the_first_members_the_odd_ones_of_each_topic() {
    let members = [member("b", &["t", "u"]), member("a", &["t", "u"])];
    let assignment = Assignor::Range.assign(&members, &counts(&[("t", 3), ("u", 5)]));
    assert_eq!(numbers(&assignment, "a", "t"), [0, 1]);
    assert_eq!(numbers(&assignment, "b", "t"), [2]);
    assert_eq!(numbers(&assignment, "a", "u"), [0, 1, 2]);
    assert_eq!(numbers(&assignment, "b", "u"), [3, 4]);
}

#[test]
fn ranges_put_static_names_first_in_their_own_order() {
    let instance =
        |id: &str, name: &str| Subscriber { instance: Some(name.to_owned()), ..member(id, &["t"]) };
    let members = [member("a", &["t"]), instance("z", "one"), instance("b", "two")];
    let assignment = Assignor::Range.assign(&members, &counts(&[("t", 4)]));
    assert_eq!(numbers(&assignment, "z", "t"), [0, 1]);
    assert_eq!(numbers(&assignment, "b", "t"), [2]);
    assert_eq!(numbers(&assignment, "a", "t"), [3]);
}

#[test]
fn ranges_leave_out_who_does_not_read_the_topic() {
    let members = [member("a", &["u"]), member("b", &["t"]), member("c", &["missing"])];
    let assignment = Assignor::Range.assign(&members, &counts(&[("t", 2), ("u", 1)]));
    assert_eq!(numbers(&assignment, "b", "t"), [0, 1]);
    assert_eq!(numbers(&assignment, "a", "u"), [0]);
    assert_eq!(assignment["c"], BTreeSet::new());
}

#[test]
fn what_moves_is_withheld_until_its_owner_comes_back_without_it() {
    let all: Vec<_> = (0..4).map(|n| at("t", n)).collect();
    let topic = counts(&[("t", 4)]);
    let first = [owning("a", 1, &all), owning("b", -1, &[])];
    let assignment = Assignor::CooperativeSticky.assign(&first, &topic);
    assert_eq!(assignment["a"].len(), 2);
    assert_eq!(assignment["b"], BTreeSet::new(), "a still claims everything");
    let kept: Vec<_> = assignment["a"].iter().cloned().collect();
    let second = [owning("a", 2, &kept), owning("b", 2, &[])];
    let assignment = Assignor::CooperativeSticky.assign(&second, &topic);
    assert_eq!(assignment["a"].iter().cloned().collect::<Vec<_>>(), kept);
    assert_eq!(assignment["b"].len(), 2);
}

#[test]
fn the_claim_of_the_later_generation_counts_and_of_equal_ones_neither() {
    let topic = counts(&[("t", 2)]);
    let members = [owning("a", 3, &[at("t", 0)]), owning("b", 4, &[at("t", 0)])];
    let assignment = Assignor::CooperativeSticky.assign(&members, &topic);
    assert_eq!(numbers(&assignment, "a", "t"), [1]);
    // It is b's, but a does not know yet that it lost it.
    assert_eq!(assignment["b"], BTreeSet::new());
    let members = [owning("a", 4, &[at("t", 0)]), owning("b", 4, &[at("t", 0)])];
    let assignment = Assignor::CooperativeSticky.assign(&members, &topic);
    let given: usize = assignment.values().map(BTreeSet::len).sum();
    assert_eq!(given, 1, "the contested one is withheld");
}

#[test]
fn claims_to_what_is_not_there_are_passed_over() {
    let mut stale = owning("a", 1, &[at("t", 9), at("t", -1), at("gone", 0)]);
    stale.topics = member("a", &["t"]).topics;
    let assignment = Assignor::CooperativeSticky.assign(&[stale], &counts(&[("t", 1)]));
    assert_eq!(numbers(&assignment, "a", "t"), [0]);
    assert_eq!(assignment["a"].len(), 1);
}

fn readers(count: usize) -> Vec<Subscriber> {
    (0..count).map(|n| member(&format!("m{n}"), &["t", "u"])).collect()
}

/// What each would claim in the next round.
fn next_round(members: &[Subscriber], assignment: &Assignment, generation: i32) -> Vec<Subscriber> {
    let claim = |member: &Subscriber| Subscriber {
        owned: assignment[&member.member].clone(),
        generation,
        ..member.clone()
    };
    members.iter().map(claim).collect()
}

fn subscriptions() -> impl Strategy<Value = Vec<Vec<bool>>> {
    prop::collection::vec(prop::collection::vec(any::<bool>(), 3), 1..7)
}

proptest! {
    #[test]
    fn with_equal_subscriptions_it_ends_balanced_and_stays(
        before in 1..7_usize, after in 1..7_usize, t in 0..12_i32, u in 0..12_i32,
    ) {
        let counts = counts(&[("t", t), ("u", u)]);
        let first = readers(before);
        let given = Assignor::CooperativeSticky.assign(&first, &counts);
        // Some come or go; whoever is left claims what it has.
        let mut now: Vec<_> = next_round(&first, &given, 1).into_iter().take(after).collect();
        now.extend(readers(after).into_iter().skip(before));
        let owned: Vec<_> = now.iter().map(|member| member.owned.clone()).collect();
        let round = Assignor::CooperativeSticky.assign(&now, &counts);
        for (member, owned) in now.iter().zip(&owned) {
            let others = now.iter().filter(|other| other.member != member.member);
            let claimed: BTreeSet<_> = others.flat_map(|other| other.owned.clone()).collect();
            prop_assert!(round[&member.member].is_disjoint(&claimed), "still another one's");
            let floor = owned.len().min(usize::try_from(t + u).unwrap() / after);
            let kept = owned.intersection(&round[&member.member]).count();
            prop_assert!(kept >= floor, "{kept} of {} are kept", owned.len());
        }
        let last = Assignor::CooperativeSticky.assign(&next_round(&now, &round, 2), &counts);
        let shares: Vec<_> = last.values().map(BTreeSet::len).collect();
        prop_assert_eq!(shares.iter().sum::<usize>(), usize::try_from(t + u).unwrap());
        prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
        let same = Assignor::CooperativeSticky.assign(&next_round(&now, &last, 3), &counts);
        prop_assert_eq!(same, last, "nothing changed");
    }

    #[test]
    fn everything_readable_gets_one_owner_who_reads_it(
        reads in subscriptions(), sizes in prop::collection::vec(0..8_i32, 3), is_sticky: bool,
    ) {
        let topics = ["t", "u", "v"];
        let sizes: Vec<_> = topics.iter().copied().zip(sizes).collect();
        let subscribe = |(n, reads): (usize, Vec<bool>)| {
            let topics: Vec<_> =
                topics.iter().zip(reads).filter_map(|(t, reads)| reads.then_some(*t)).collect();
            member(&format!("m{n}"), &topics)
        };
        let members: Vec<_> = reads.into_iter().enumerate().map(subscribe).collect();
        let assignor = if is_sticky { Assignor::CooperativeSticky } else { Assignor::Range };
        let assignment = assignor.assign(&members, &counts(&sizes));
        let mut seen = BTreeSet::new();
        for member in &members {
            for at in &assignment[&member.member] {
                prop_assert!(member.topics.contains(&at.topic));
                prop_assert!(seen.insert(at.clone()), "{at} has two owners");
            }
        }
        let is_read = |topic: &str| members.iter().any(|member| member.topics.contains(topic));
        let readable: i32 = sizes.iter().filter(|(t, _)| is_read(t)).map(|(_, count)| count).sum();
        prop_assert_eq!(seen.len(), usize::try_from(readable).unwrap());
        if is_sticky {
            // Nobody could take one from another who has two more.
            for poor in &members {
                for rich in &members {
                    let rich = &assignment[&rich.member];
                    let excess = rich.len() > assignment[&poor.member].len() + 1;
                    let movable = rich.iter().any(|at| poor.topics.contains(&at.topic));
                    prop_assert!(!(excess && movable));
                }
            }
        }
    }
}
