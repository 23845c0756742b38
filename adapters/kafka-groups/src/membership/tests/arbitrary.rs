//! Whatever is answered, in whatever order and whenever: no panic, no busy waiting, and never a
//! partition that the member was not told of or has been fenced from.

mod life;

use std::collections::BTreeSet;

use kafka_protocol::error::ResponseError as E;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::assignor::Assignor;
use super::super::classic::Classic;
use super::super::consumer::Consumer;
use super::*;
use life::{Happens, Reply, TOPIC, fit, happens};

/// What every protocol says to a member that is none any more.
const FENCED: [E; 2] = [E::UnknownMemberId, E::FencedMemberEpoch];

/// A membership, and what the member knows of it.
struct Member {
    machine: Box<dyn Membership>,
    now: Instant,
    flight: Option<(Ticket, Request)>,
    past: Vec<Ticket>,
    held: BTreeSet<TopicPartition>,
    revoking: BTreeSet<TopicPartition>,
    generation: i32,
    is_leaving: bool,
    is_over: bool,
}

impl Member {
    fn new(machine: Box<dyn Membership>, now: Instant) -> Self {
        Self {
            machine,
            now,
            flight: None,
            past: Vec::new(),
            held: BTreeSet::new(),
            revoking: BTreeSet::new(),
            generation: 0,
            is_leaving: false,
            is_over: false,
        }
    }

    /// Takes steps until there is something to wait for, as its task does.
    fn steps(&mut self) -> Result<Option<Instant>, TestCaseError> {
        for _ in 0..4 {
            let step = self.machine.step(self.now);
            self.take_changes()?;
            match step {
                Step::Send(ticket, request) => {
                    prop_assert!(!self.is_over, "it is over, and asks");
                    if let Some((past, _)) = self.flight.replace((ticket, request)) {
                        self.past.push(past);
                    }
                }
                Step::Wait(until) => {
                    let is_ahead = until.is_none_or(|until| until > self.now);
                    prop_assert!(is_ahead, "it waits for what has passed");
                    return Ok(until);
                }
                Step::Over => {
                    self.is_over = true;
                    return Ok(None);
                }
            }
        }
        Err(TestCaseError::fail("it never waits"))
    }

    fn take_changes(&mut self) -> Result<(), TestCaseError> {
        for change in self.machine.take_changes() {
            match change {
                Change::Assigned(partitions) => {
                    prop_assert!(!self.is_leaving, "given to one who leaves");
                    for at in partitions {
                        prop_assert!(self.held.insert(at.clone()), "{} is its own already", at);
                    }
                }
                Change::Revoking(partitions) => {
                    for at in partitions {
                        prop_assert!(self.held.contains(&at), "{} is not its own", at);
                        prop_assert!(self.revoking.insert(at.clone()), "{} is told twice", at);
                    }
                }
                Change::Lost(partitions) => {
                    for at in partitions {
                        prop_assert!(self.held.remove(&at), "{} is not its own", at);
                        self.revoking.remove(&at);
                    }
                }
                Change::Count(generation, _) => self.generation = generation,
                Change::Failed(_) => prop_assert!(self.held.is_empty(), "it failed and owns"),
                Change::LetIn
                | Change::Joined
                | Change::Name(_)
                | Change::NewId
                | Change::FindCoordinator => {}
            }
        }
        let standing = self.machine.standing();
        prop_assert!(!standing.is_firm || standing.has_id, "{:?}", standing);
        Ok(())
    }

    fn release(&mut self, which: &[Index]) {
        let revoking: Vec<_> = self.revoking.iter().cloned().collect();
        if revoking.is_empty() {
            return;
        }
        let released: BTreeSet<_> = which.iter().map(|at| at.get(&revoking).clone()).collect();
        for at in &released {
            self.held.remove(at);
            self.revoking.remove(at);
        }
        let released: Vec<_> = released.into_iter().collect();
        self.machine.release(&released, self.now);
    }

    /// The answer, and whether it says to a member that it is none any more.
    fn answers(&mut self, reply: Reply) -> Result<(), TestCaseError> {
        let Some((ticket, request)) = self.flight.take() else { return Ok(()) };
        let code = match &reply {
            Reply::Refusal(code) => *code,
            Reply::Any(_) | Reply::Fit { .. } => 0,
        };
        let is_goodbye = matches!(&request, Request::Leave(_));
        self.machine.answered(ticket, fit(&request, reply), self.now);
        self.take_changes()?;
        let is_fenced = FENCED.iter().any(|fenced| fenced.code() == code) && !is_goodbye;
        prop_assert!(!is_fenced || self.is_leaving || self.held.is_empty(), "fenced, and owns");
        Ok(())
    }

    fn happens(&mut self, what: Happens) -> Result<(), TestCaseError> {
        match what {
            Happens::Later(wait) => {
                let until = self.now + wait;
                // Whatever is due in between is done when it is due.
                for _ in 0..1_000 {
                    match self.steps()? {
                        Some(due) if due <= until => self.now = due,
                        _ => break,
                    }
                }
                self.now = self.now.max(until);
            }
            Happens::Answer(reply) => self.answers(reply)?,
            Happens::Stale(reply) => {
                if let (Some(ticket), Some((_, request))) = (self.past.pop(), &self.flight) {
                    let (held, answer) = (self.held.clone(), fit(request, reply));
                    self.machine.answered(ticket, answer, self.now);
                    self.take_changes()?;
                    prop_assert_eq!(held, self.held.clone(), "a late answer counts");
                }
            }
            Happens::NoAnswer => {
                if let Some((ticket, _)) = self.flight.take() {
                    self.machine.failed(ticket, self.now);
                }
            }
            Happens::Names(ids) => {
                let name = |id: &Uuid| if *id == TOPIC { "t" } else { "u" };
                let names = ids.iter().map(|id| (*id, Arc::from(name(id)))).collect();
                self.machine.named(&names, self.now);
            }
            Happens::Counts(counts) => {
                let counts = counts
                    .map(|counts| ["t", "u"].into_iter().map(Arc::from).zip(counts).collect());
                self.machine.counted(self.generation, counts, self.now);
            }
            Happens::Release(which) => self.release(&which),
            Happens::Renamed(id) => self.machine.renamed(Uuid::from_u128(id), self.now),
            Happens::Hurry => self.machine.hurry(self.now),
            Happens::Leave => {
                self.is_leaving = true;
                self.held.clear();
                self.revoking.clear();
                self.machine.leave(self.now);
            }
        }
        self.take_changes()?;
        self.steps()?;
        Ok(())
    }
}

fn terms(is_static: bool) -> Terms {
    Terms {
        group: "g".to_owned(),
        topics: vec!["t".into(), "u".into()],
        instance: is_static.then(|| "i".to_owned()),
        session_timeout: Duration::from_secs(45),
        rebalance_timeout: Duration::from_mins(1),
        heartbeat_interval: Duration::from_secs(3),
        seed: 3,
    }
}

fn live(
    machine: Box<dyn Membership>,
    now: Instant,
    life: Vec<Happens>,
) -> Result<(), TestCaseError> {
    let mut member = Member::new(machine, now);
    member.steps()?;
    for what in life {
        member.happens(what)?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_member_of_kip_848_survives_any_life(is_static: bool, life in vec(happens(), 0..60)) {
        let now = Instant::now();
        let machine = Consumer::new(terms(is_static), Uuid::from_u128(7), now);
        live(Box::new(machine), now, life)?;
    }

    #[test]
    fn a_member_of_the_classic_protocol_survives_any_life(
        is_static: bool,
        is_eager: bool,
        life in vec(happens(), 0..60),
    ) {
        let now = Instant::now();
        let all = [Assignor::CooperativeSticky, Assignor::Range];
        let assignors = all[..=usize::from(is_eager)].to_vec();
        live(Box::new(Classic::new(terms(is_static), assignors, now)), now, life)?;
    }
}
