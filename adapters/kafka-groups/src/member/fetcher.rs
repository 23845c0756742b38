//! Reads one partition ahead of the member.

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
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
    pub(super) async fn run(self) -> Result<()> {
        let mut reading = Reading::default();
        let mut pauses = Pauses::new();
        let mut unreadable = 0;
        let limit = usize::try_from(self.settings.fetch_max_bytes).unwrap_or(1);
        while let Some(start) = self.shelf.room(&self.place, limit).await {
            match self.read(&mut reading, start).await {
                Ok(Placed::Gone) => break,
                Ok(Placed::Kept) => {
                    pauses.reset();
                    unreadable = 0;
                }
                Err(error) => {
                    unreadable += u32::from(matches!(error, KafkaError::Corrupt(_)));
                    let is_passing = match &error {
                        // The topic is gone, or not everywhere yet: the assignment will tell.
                        KafkaError::UnknownTopic { .. }
                        | KafkaError::Refused {
                            error: ResponseError::UnknownServerError, ..
                        } => true,
                        KafkaError::Corrupt(_) => unreadable < UNREADABLE,
                        error => error.is_retriable(),
                    };
                    if !is_passing {
                        return Err(error);
                    }
                    tracing::debug!(at = %self.place.0, ?error, "fetching again after a pause");
                    reading.lease = None;
                    pauses.pause().await;
                }
            }
        }
        Ok(())
    }

    async fn read(&self, reading: &mut Reading, start: Start) -> Result<Placed> {
        let at = &self.place.0;
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
                self.out_of_range(reading, from, earliest, next);
                Placed::Kept
            }
            Err(error) => return Err(error),
        };
        reading.lease = Some(lease);
        Ok(placed)
    }

    fn place(&self, reading: &mut Reading, fetched: Fetched) -> Placed {
        let is_other = matches!((reading.topic_id, fetched.topic_id), (Some(a), Some(b)) if a != b);
        reading.topic_id = fetched.topic_id.or(reading.topic_id);
        if is_other {
            let begin = fetched.log_start.max(0);
            tracing::warn!(at = %self.place.0, "the topic was made anew, it is read from its beginning");
            self.shelf.restart(&self.place, begin, 0);
            reading.next = Some(begin);
            return Placed::Kept;
        }
        reading.next = Some(fetched.next);
        let most = self.settings.max_batch_records;
        self.shelf.put(&self.place, batches(fetched.records, most), most)
    }

    fn out_of_range(&self, reading: &mut Reading, from: i64, earliest: i64, next: i64) {
        let at = &self.place.0;
        let skipped = u64::try_from(earliest - from).unwrap_or(0);
        if from < earliest {
            tracing::warn!(%at, skipped, "the group goes on behind records that were removed before it read them");
        } else {
            tracing::error!(
                %at, from, earliest, next,
                "the group was behind the end of the log: it has lost records, and is read from its beginning"
            );
        }
        self.shelf.restart(&self.place, earliest, skipped);
        reading.next = Some(earliest);
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
