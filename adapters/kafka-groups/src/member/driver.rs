//! The task that owns a membership: it asks the coordinator what the state machine wants to know,
//! and carries out what the answers mean.

mod changes;

use std::collections::{BTreeMap, HashMap};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::committer::{Commit, Lane};
use super::protocol::{is_passing, machine, speaks_consumer};
use super::settled::Watch;
use super::shelf::{Life, Shelf};
use super::{GroupSettings, coordinator};
use crate::cluster::Cluster;
use crate::error::{KafkaError, Result};
use crate::membership::{Answer, Membership, Step, Ticket};
use crate::topic::TopicPartition;

/// What a task beside the membership brings.
enum Found {
    Names(HashMap<Uuid, Arc<str>>),
    /// Of a generation; `None` if the cluster does not tell.
    Counts(i32, Option<BTreeMap<Arc<str>, i32>>),
    /// It did its part, or cannot.
    Done(Result<()>),
}

type Asking = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

pub(super) struct Driver {
    cluster: Cluster,
    settings: Arc<GroupSettings>,
    shelf: Arc<Shelf>,
    machine: Box<dyn Membership>,
    is_consumer: bool,
    flight: Option<(Ticket, Asking)>,
    /// Everything that runs beside: it ends with the membership.
    tasks: JoinSet<Found>,
    fetchers: BTreeMap<TopicPartition, AbortHandle>,
    /// Counts the partitions of the latest round.
    counting: Option<AbortHandle>,
    /// Since the member wants to go.
    parting: Option<Parting>,
}

/// How long a member that goes is waited for.
#[derive(Debug, Clone, Copy)]
struct Parting {
    /// By its last commits.
    commits_until: Instant,
    /// By the coordinator's answer.
    answer_until: Instant,
}

impl Parting {
    fn begin(now: Instant, patience: Duration) -> Self {
        Self { commits_until: now + patience / 2, answer_until: now + patience }
    }

    fn next(self) -> Instant {
        if Instant::now() < self.commits_until { self.commits_until } else { self.answer_until }
    }

    fn is_over(self) -> bool {
        Instant::now() >= self.answer_until
    }
}

/// Whatever ends the task, the member is told.
struct End(Arc<Shelf>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.becomes(Life::Ended);
    }
}

/// Runs a membership from joining to leaving.
pub(super) async fn run(
    cluster: Cluster,
    settings: Arc<GroupSettings>,
    shelf: Arc<Shelf>,
    commits: mpsc::Receiver<Commit>,
) {
    let _end = End(Arc::clone(&shelf));
    let mut life = shelf.life();
    let leaving = async {
        // It cannot fail: the shelf has the sender.
        let _ = life.wait_for(|life| *life >= Life::Parting).await;
    };
    let is_consumer = tokio::select! {
        is_consumer = speaks_consumer(&cluster, &settings) => is_consumer,
        () = leaving => return,
    };
    let begun = is_consumer.and_then(|is| Ok((is, machine(&settings, is)?)));
    let (is_consumer, machine) = match begun {
        Ok(begun) => begun,
        Err(error) => return shelf.fail(error),
    };
    let mut driver = Driver {
        machine,
        cluster,
        settings,
        shelf,
        is_consumer,
        flight: None,
        tasks: JoinSet::new(),
        fetchers: BTreeMap::new(),
        counting: None,
        parting: None,
    };
    driver.start_beside(commits);
    driver.drive().await;
}

impl Driver {
    fn start_beside(&mut self, commits: mpsc::Receiver<Commit>) {
        let lane = Lane {
            cluster: self.cluster.clone(),
            settings: Arc::clone(&self.settings),
            shelf: Arc::clone(&self.shelf),
            queue: commits,
            lease: None,
            next: Instant::now(),
        };
        self.tasks.spawn(async {
            lane.run().await;
            Found::Done(Ok(()))
        });
        let watch = Watch {
            cluster: self.cluster.clone(),
            settings: Arc::clone(&self.settings),
            shelf: Arc::clone(&self.shelf),
        };
        self.tasks.spawn(async {
            watch.run().await;
            Found::Done(Ok(()))
        });
    }

    async fn drive(&mut self) {
        loop {
            self.apply_changes();
            let step = self.machine.step(Instant::now());
            self.apply_changes();
            let until = match step {
                Step::Over => return,
                Step::Send(ticket, request) => {
                    let (group, wait) = (self.settings.group.clone(), self.longest_round());
                    let asking = coordinator::ask(self.cluster.clone(), group, request, wait);
                    self.flight = Some((ticket, Box::pin(asking)));
                    continue;
                }
                Step::Wait(until) => until,
            };
            let until = until.into_iter().chain(self.parting.map(Parting::next)).min();
            tokio::select! {
                (ticket, answer) = answer(&mut self.flight) => self.heard(ticket, answer),
                () = self.shelf.wishes() => self.heed_wishes(),
                Some(found) = self.tasks.join_next() => self.heed(found),
                () = at(until) => {
                    if self.parting.is_some_and(Parting::is_over) {
                        tracing::warn!(group = self.settings.group, "left without an answer");
                        return;
                    }
                    self.part();
                }
            }
        }
    }

    fn longest_round(&self) -> Duration {
        self.settings.rebalance_timeout + self.settings.session_timeout / 2
    }

    fn heard(&mut self, ticket: Ticket, answer: Result<Answer>) {
        let now = Instant::now();
        self.flight = None;
        match answer {
            Ok(answer) => self.machine.answered(ticket, answer, now),
            Err(error) if is_passing(&error) => {
                tracing::debug!(
                    group = self.settings.group,
                    ?error,
                    "no answer from the coordinator"
                );
                self.machine.failed(ticket, now);
            }
            Err(error) => self.end(error),
        }
    }

    /// Does what the member wants.
    fn heed_wishes(&mut self) {
        let now = Instant::now();
        let released = self.shelf.take_released();
        if !released.is_empty() {
            self.machine.release(&released, now);
        }
        if self.shelf.take_hurry() {
            self.machine.hurry(now);
        }
        self.part();
    }

    /// If the member wants to go: waits for its last commits, but not for long, and leaves.
    fn part(&mut self) {
        let now = Instant::now();
        let life = *self.shelf.life().borrow();
        if life < Life::Parting {
            return;
        }
        self.stop_fetching();
        let patience = self.settings.leave_timeout;
        let parting = self.parting.get_or_insert_with(|| Parting::begin(now, patience));
        if life == Life::Parting && (self.shelf.is_all_confirmed() || now >= parting.commits_until)
        {
            self.shelf.becomes(Life::Leaving);
        }
        if *self.shelf.life().borrow() >= Life::Leaving {
            self.machine.leave(now);
        }
    }

    fn heed(&mut self, found: std::result::Result<Found, JoinError>) {
        let now = Instant::now();
        match found {
            Ok(Found::Names(names)) => self.machine.named(&names, now),
            Ok(Found::Counts(generation, counts)) => self.machine.counted(generation, counts, now),
            Ok(Found::Done(Ok(()))) => {}
            Ok(Found::Done(Err(error))) => self.end(error),
            Err(gone) if gone.is_cancelled() => {}
            Err(gone) => self.end(KafkaError::unavailable(gone)),
        }
    }

    /// Nothing can go on: the member is told, and the group is left.
    fn end(&mut self, error: KafkaError) {
        self.shelf.fail(error);
        self.shelf.becomes(Life::Leaving);
    }
}

async fn answer(flight: &mut Option<(Ticket, Asking)>) -> (Ticket, Result<Answer>) {
    match flight {
        Some((ticket, asking)) => (*ticket, asking.await),
        None => pending().await,
    }
}

async fn at(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}
