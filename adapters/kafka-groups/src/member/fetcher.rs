//! Reads one partition ahead of the member.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use tokio::time::sleep;
use uuid::Uuid;

use super::GroupSettings;
use super::pause::Pauses;
use super::shelf::{Place, Placed, Shelf, Start};
use crate::batch::Record;
use crate::cluster::{Cluster, Lease};
use crate::error::{KafkaError, Result};
use crate::fetch::{Fetched, Limits, fetch};
use crate::offsets;

/// So often bytes that cannot be read are asked for again: they may have been damaged on their way.
const UNREADABLE: u32 = 5;
/// Then their partition is held for so long between two attempts.
const HOLD: Duration = Duration::from_mins(1);

pub(super) struct Fetcher {
    pub(super) cluster: Cluster,
    pub(super) settings: Arc<GroupSettings>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) place: Place,
}

/// Where a fetcher is.
#[derive(Default)]
struct Reading {
    next: Option<i64>,
    topic_id: Option<Uuid>,
    lease: Option<Lease>,
}

impl Fetcher {
    /// Reads until the partition is not the member's any more.
    ///
    /// # Errors
    /// What repeating does not help.
    pub(super) async fn run(mut self) -> Result<()> {
        let mut reading = Reading::default();
        let mut pauses = Pauses::new();
        let mut unreadable = 0;
        let limit = usize::try_from(self.settings.fetch_max_bytes).unwrap_or(1);
        while let Some(start) = self.shelf.room(&self.place, limit).await {
            let error = match self.read(&mut reading, start).await {
                Ok(Placed::Gone) => break,
                Ok(Placed::Kept) => {
                    pauses.reset();
                    unreadable = 0;
                    continue;
                }
                Err(error) => error,
            };
            reading.lease = None;
            match trouble(&error) {
                Trouble::Passing => {
                    tracing::debug!(at = %self.place.0, ?error, "fetching again after a pause");
                    pauses.pause().await;
                }
                Trouble::Unreadable => {
                    unreadable += 1;
                    self.hold(reading.next, &error, unreadable, &mut pauses).await;
                }
                Trouble::Final => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits before what cannot be read is asked for again. Only its own partition waits: whoever else
    /// owned it would meet the same bytes.
    async fn hold(&self, offset: Option<i64>, error: &KafkaError, times: u32, pauses: &mut Pauses) {
        let is_damage = matches!(error, KafkaError::Corrupt(_));
        if is_damage && times < UNREADABLE {
            return pauses.pause().await;
        }
        tracing::error!(
            at = %self.place.0, offset, ?error,
            "the partition is held: what is stored there cannot be read; a commit beyond it skips it"
        );
        sleep(HOLD).await;
    }

    async fn read(&mut self, reading: &mut Reading, start: Start) -> Result<Placed> {
        let at = &self.place.0.clone();
        let mut lease = match reading.lease.take() {
            Some(lease) => lease,
            None => self.cluster.lease_leader(at).await?,
        };
        let from = match (start, reading.next) {
            (Start::Earliest, None) => offsets::bounds(&mut lease, at).await?.0,
            (Start::Earliest, Some(next)) => next,
            (Start::At(start), next) => next.map_or(start, |next| next.max(start)),
        };
        reading.next = Some(from);
        let limits = Limits {
            min_bytes: 1,
            max_bytes: self.settings.fetch_max_bytes,
            max_wait: self.settings.fetch_max_wait,
        };
        let placed = match fetch(&mut lease, at, from, limits).await {
            Ok(fetched) => self.place(reading, fetched),
            Err(KafkaError::OutOfRange { earliest, next }) => {
                self.out_of_range(reading, from, earliest, next)
            }
            Err(error) => return Err(error),
        };
        reading.lease = Some(lease);
        Ok(placed)
    }

    fn place(&mut self, reading: &mut Reading, fetched: Fetched) -> Placed {
        let is_other = matches!((reading.topic_id, fetched.topic_id), (Some(a), Some(b)) if a != b);
        reading.topic_id = fetched.topic_id.or(reading.topic_id);
        if is_other {
            tracing::warn!(at = %self.place.0, "the topic was made anew, it is read from its beginning");
            return self.restart(reading, fetched.log_start.max(0));
        }
        reading.next = Some(fetched.next);
        let most = self.settings.max_batch_records;
        self.shelf.put(&self.place, batches(fetched.records, most), most)
    }

    fn out_of_range(
        &mut self,
        reading: &mut Reading,
        from: i64,
        earliest: i64,
        next: i64,
    ) -> Placed {
        let at = &self.place.0;
        if from >= earliest {
            tracing::error!(
                %at, from, earliest, next,
                "the group was behind the end of the log: it has lost records, and is read from its beginning"
            );
            return self.restart(reading, earliest);
        }
        let skipped = u64::try_from(earliest - from).unwrap_or(0);
        tracing::warn!(%at, skipped, "the group goes on behind records that were removed before it read them");
        reading.next = Some(earliest);
        self.shelf.skip(&self.place, earliest, skipped)
    }

    /// Another log is there: what was read of the one before must not be committed into it.
    fn restart(&mut self, reading: &mut Reading, from: i64) -> Placed {
        reading.next = Some(from);
        let Some(place) = self.shelf.restart(&self.place, from) else { return Placed::Gone };
        self.place = place;
        Placed::Kept
    }
}

/// What a failed fetch leads to.
enum Trouble {
    /// Another attempt may bring it.
    Passing,
    /// Bytes that cannot be read, by this client or by any.
    Unreadable,
    /// Nothing helps.
    Final,
}

fn trouble(error: &KafkaError) -> Trouble {
    match error {
        // The topic is gone, or not everywhere yet: the assignment will tell.
        KafkaError::UnknownTopic { .. }
        | KafkaError::Refused { error: ResponseError::UnknownServerError, .. } => Trouble::Passing,
        KafkaError::Corrupt(_) | KafkaError::Unsupported { .. } => Trouble::Unreadable,
        error if error.is_retriable() => Trouble::Passing,
        _ => Trouble::Final,
    }
}

/// What was fetched, in batches of at most so many records. Records are moved, never copied.
fn batches(records: Vec<Record>, most: usize) -> Vec<Vec<Record>> {
    if records.len() <= most.max(1) {
        return vec![records];
    }
    let mut batches = Vec::with_capacity(records.len().div_ceil(most.max(1)));
    let mut records = records.into_iter();
    while records.len() > 0 {
        batches.push(records.by_ref().take(most.max(1)).collect());
    }
    batches
}
