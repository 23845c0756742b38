//! Putting letters back, in turns and within bounds.

use std::time::Duration;

use comptoir_domain::dead_letters::{Found, LetterState};
use comptoir_domain::port::bus::BusError;
use comptoir_domain::port::platform::Log;
use comptoir_http::Problem;
use comptoir_runtime::edge::bus_problem;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::order::{Order, Progress};
use super::{DeadLetters, Desk, Letter, PATIENCE, busy, in_time, view};

/// Letters that one request puts back at most.
const MOST: usize = 100;
/// After so long a request begins no other letter.
const TIME: Duration = Duration::from_secs(3);

/// What became of the letters of one request.
#[derive(Default)]
struct Outcome {
    replayed: Vec<Value>,
    not_replayed: Vec<Value>,
    /// The log is in the way: no other letter is tried.
    stopped: Option<BusError>,
}

impl Outcome {
    fn keep(&mut self, found: &Found, why: impl Into<String>) {
        let (partition, offset) = (found.place.partition.0, found.place.offset.0);
        let why: String = why.into();
        self.not_replayed.push(json!({"partition": partition, "offset": offset, "why": why}));
    }
}

impl<L: Log> DeadLetters<L> {
    /// Puts letters back and says what became of each.
    ///
    /// # Errors
    /// 404 for a letter that is not there, 409 while somebody else's turn takes long, 503 if the log
    /// is away and nothing was put back.
    pub(super) async fn replay(&self, desk: &Desk, order: Order) -> Result<Value, Problem> {
        let _turn = timeout(PATIENCE, desk.turn.lock()).await.map_err(|_| busy())?;
        self.catch_up_with_all(desk).await?;
        let mut outcome = Outcome::default();
        let progress = match order {
            Order::One(partition, offset) => {
                let letter = self.letter_at(desk, (partition, offset)).await?;
                self.put_back(letter, &mut outcome).await;
                None
            }
            Order::All(progress) => {
                let newest = desk.letters.lock().await.newest();
                let whole = newest.map(|up_to| Progress { after: None, up_to });
                match progress.or(whole) {
                    Some(progress) => Some(self.put_all_back(desk, progress, &mut outcome).await),
                    None => None,
                }
            }
        };
        if let Some(error) = outcome.stopped.filter(|_| outcome.replayed.is_empty()) {
            return Err(bus_problem(&error));
        }
        // The notes are on the topic now. Should the log be away by now, they count as open still.
        let _ = self.catch_up(desk).await;
        let letters = desk.letters.lock().await;
        let left = progress.filter(|progress| letters.open(progress.left()).next().is_some());
        Ok(json!({
            "replayed": outcome.replayed, "not_replayed": outcome.not_replayed,
            "next": left.map(Progress::write), "open": letters.counts().open,
        }))
    }

    /// Goes on as far as one request may; how far it came.
    async fn put_all_back(
        &self,
        desk: &Desk,
        mut progress: Progress,
        outcome: &mut Outcome,
    ) -> Progress {
        let began = Instant::now();
        let open = desk.letters.lock().await.open(progress.left()).take(MOST).collect::<Vec<_>>();
        for found in open {
            if began.elapsed() >= TIME || self.context.stop.is_cancelled() {
                break;
            }
            match in_time(self.read(desk, found.clone())).await {
                Ok(Some(letter)) => self.put_back(letter, outcome).await,
                Ok(None) => outcome.keep(&found, "retention has removed it"),
                Err(error) => outcome.stopped = Some(error),
            }
            if outcome.stopped.is_some() {
                break;
            }
            progress.after = Some(found.place);
        }
        progress
    }

    async fn put_back(&self, letter: Letter, outcome: &mut Outcome) {
        let Letter { found, stored } = letter;
        if let LetterState::Replayed(replay) = &found.state {
            let (at, offset) = (&replay.to.at, replay.to.offset);
            return outcome
                .keep(&found, format!("it was put back already, at {at}, offset {offset}"));
        }
        if let Some(bytes) = stored.cut_from {
            return outcome.keep(&found, view::why_cut(bytes));
        }
        match in_time(self.replaying.run(&stored)).await {
            Ok(done) => {
                let source = &stored.letter.source;
                tracing::info!(record.at = %source.at, record.offset = %source.offset,
                    to = %done.to.at, to.offset = %done.to.offset, "a dead letter was put back");
                if let Err(error) = &done.noted {
                    tracing::warn!(
                        error = error as &dyn std::error::Error,
                        "that a dead letter was put back cannot be noted"
                    );
                }
                outcome.replayed.push(json!({
                    "partition": found.place.partition.0, "offset": found.place.offset.0,
                    "source": view::position(source), "to": view::position(&done.to),
                    "noted": done.noted.is_ok(),
                }));
            }
            // A matter of this record alone: the others may fit.
            Err(error @ (BusError::TooLarge { .. } | BusError::Refused(_))) => {
                outcome.keep(&found, error.to_string());
            }
            Err(error) => outcome.stopped = Some(error),
        }
    }
}
