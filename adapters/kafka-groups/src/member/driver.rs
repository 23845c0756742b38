//! The task that owns a membership: it asks the coordinator what the state machine wants to know,
//! and carries out what the answers mean.

use std::collections::{BTreeMap, HashMap};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ApiKey;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::committer::{Commit, Lane};
use super::fetcher::Fetcher;
use super::protocol::{counted, machine, member_id, speaks_consumer};
use super::settled::Watch;
use super::shelf::{Life, Place, Shelf};
use super::starter::Starter;
use super::{GroupProtocol, GroupSettings, coordinator};
use crate::cluster::Cluster;
use crate::error::{KafkaError, Result};
use crate::membership::{Answer, Change, Membership, Step, Ticket};
use crate::topic::TopicPartition;

/// What a task beside the membership brings.
enum Found {
    Names(HashMap<Uuid, Arc<str>>),
    Counts(BTreeMap<Arc<str>, i32>),
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
        let _ = life.wait_for(|life| *life >= Life::Leaving).await;
    };
    let is_consumer = tokio::select! {
        is_consumer = speaks_consumer(&cluster, &settings) => is_consumer,
        () = leaving => return,
    };
    let mut driver = Driver {
        machine: machine(&settings, is_consumer),
        cluster,
        settings,
        shelf,
        is_consumer,
        flight: None,
        tasks: JoinSet::new(),
        fetchers: BTreeMap::new(),
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
        let mut give_up = None;
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
            let until = until.into_iter().chain(give_up).min();
            tokio::select! {
                (ticket, answer) = answer(&mut self.flight) => self.heard(ticket, answer),
                () = self.shelf.wishes() => {
                    if self.heed_wishes() && give_up.is_none() {
                        give_up = Some(Instant::now() + self.settings.leave_timeout);
                    }
                }
                Some(found) = self.tasks.join_next() => self.heed(found),
                () = at(until) => {
                    if give_up.is_some_and(|end| Instant::now() >= end) {
                        tracing::warn!(group = self.settings.group, "left without an answer");
                        return;
                    }
                }
            }
        }
    }

    fn longest_round(&self) -> std::time::Duration {
        self.settings.rebalance_timeout + self.settings.session_timeout / 2
    }

    fn heard(&mut self, ticket: Ticket, answer: Result<Answer>) {
        let now = Instant::now();
        self.flight = None;
        match answer {
            Ok(answer) => self.machine.answered(ticket, answer, now),
            Err(error) if error.is_retriable() || matches!(error, KafkaError::Corrupt(_)) => {
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

    /// Does what the member wants; whether it wants to leave.
    fn heed_wishes(&mut self) -> bool {
        let now = Instant::now();
        let released = self.shelf.take_released();
        if !released.is_empty() {
            self.machine.release(&released, now);
        }
        if self.shelf.take_hurry() {
            self.machine.hurry(now);
        }
        let is_leaving = *self.shelf.life().borrow() >= Life::Leaving;
        if is_leaving {
            self.machine.leave(now);
            self.stop_fetching();
        }
        is_leaving
    }

    fn heed(&mut self, found: std::result::Result<Found, JoinError>) {
        let now = Instant::now();
        match found {
            Ok(Found::Names(names)) => self.machine.named(&names, now),
            Ok(Found::Counts(counts)) => self.machine.counted(counts, now),
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

    fn apply_changes(&mut self) {
        let changes = self.machine.take_changes();
        // Before what follows from it: a commit with the old one is refused and repeated.
        self.shelf.stands(self.machine.standing());
        for change in changes {
            match change {
                Change::LetIn => self.shelf.becomes(Life::LetIn),
                Change::Joined => self.shelf.becomes(Life::Joined),
                Change::Assigned(partitions) => self.take_over(partitions),
                Change::Revoking(partitions) => {
                    self.stop(&partitions);
                    self.shelf.revoke(partitions);
                }
                Change::Lost(partitions) => {
                    tracing::warn!(group = self.settings.group, ?partitions, "partitions are lost");
                    self.stop(&partitions);
                    self.shelf.lose(partitions);
                }
                Change::Name(ids) => self.name(ids),
                Change::Count(topics) => self.count(topics),
                Change::NewId => self.machine.renamed(member_id(), Instant::now()),
                Change::FindCoordinator => self.cluster.forget_coordinator(&self.settings.group),
                Change::Failed(error) => self.failed(error),
            }
        }
    }

    /// A broker may know the request without being allowed to serve it (Kafka 3.7 to 3.9).
    fn failed(&mut self, error: ResponseError) {
        let is_auto = self.settings.protocol == GroupProtocol::Auto && self.is_consumer;
        if is_auto && error == ResponseError::UnsupportedVersion {
            self.is_consumer = false;
            self.machine = machine(&self.settings, false);
            return;
        }
        let api = if self.is_consumer { ApiKey::ConsumerGroupHeartbeat } else { ApiKey::JoinGroup };
        self.end(KafkaError::refused(api, error));
    }

    fn take_over(&mut self, partitions: Vec<TopicPartition>) {
        let places = self.shelf.assign(partitions);
        for place in &places {
            self.fetch(place.clone());
        }
        let starter = Starter {
            cluster: self.cluster.clone(),
            settings: Arc::clone(&self.settings),
            shelf: Arc::clone(&self.shelf),
        };
        self.tasks.spawn(async { Found::Done(starter.run(places).await) });
    }

    fn fetch(&mut self, place: Place) {
        let at = place.0.clone();
        let fetcher = Fetcher {
            cluster: self.cluster.clone(),
            settings: Arc::clone(&self.settings),
            shelf: Arc::clone(&self.shelf),
            place,
        };
        let task = self.tasks.spawn(async { Found::Done(fetcher.run().await) });
        self.fetchers.insert(at, task);
    }

    fn stop(&mut self, partitions: &[TopicPartition]) {
        for at in partitions {
            if let Some(fetcher) = self.fetchers.remove(at) {
                fetcher.abort();
            }
        }
    }

    fn stop_fetching(&mut self) {
        for fetcher in std::mem::take(&mut self.fetchers).into_values() {
            fetcher.abort();
        }
    }

    fn name(&mut self, ids: Vec<Uuid>) {
        let cluster = self.cluster.clone();
        self.tasks.spawn(async move {
            // What was not found is asked for again by the membership, after a pause.
            Found::Names(cluster.topic_names(&ids).await.unwrap_or_default())
        });
    }

    fn count(&mut self, topics: Vec<Arc<str>>) {
        let cluster = self.cluster.clone();
        self.tasks.spawn(async move {
            let mut counts = BTreeMap::new();
            for topic in topics {
                match counted(&cluster, &topic).await {
                    Some(count) => counts.insert(topic, count),
                    None => continue,
                };
            }
            Found::Counts(counts)
        });
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
