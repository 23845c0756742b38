use std::pin::pin;
use std::time::Duration;

use tokio::time::{advance, timeout};

use super::*;
use crate::cluster::Cluster;
use crate::settings::Settings;

const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

fn at() -> TopicPartition {
    TopicPartition::new("t", 0)
}

/// A member that owns a partition while its epoch is good for nothing: its commits wait.
fn between_epochs() -> (Lane, Committer) {
    let mut settings = GroupSettings::new("g", ["t"]);
    settings.commit_timeout = COMMIT_TIMEOUT;
    let (settings, shelf) = (Arc::new(settings), Arc::new(Shelf::new()));
    shelf.becomes(Life::Joined);
    shelf.assign(vec![at()]);
    let (queue, commits) = mpsc::channel(QUEUE);
    let lane = Lane {
        cluster: Cluster::new(Settings::new(["127.0.0.1:9"])),
        settings: Arc::clone(&settings),
        shelf: Arc::clone(&shelf),
        queue: commits,
        lease: None,
        next: Instant::now(),
    };
    (lane, Committer { shelf, settings, queue })
}

/// The program was stopped, or its machine: the lane and who waits for it wake in one turn.
#[tokio::test(start_paused = true)]
async fn a_commit_that_is_late_is_not_fenced() {
    let (lane, committer) = between_epochs();
    let committing = async move {
        let offsets = [(at(), 1)];
        let mut commit = pin!(committer.commit(&offsets));
        let waits = timeout(Duration::from_millis(1), &mut commit).await;
        assert!(waits.is_err(), "{waits:?}");
        advance(COMMIT_TIMEOUT * 2).await;
        commit.await
    };
    let ((), outcome) = tokio::join!(lane.run(), committing);
    assert!(matches!(outcome, Err(KafkaError::Unavailable(_))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_nobody_answers_is_fenced_only_without_a_membership() {
    for (life, is_fenced) in [(Life::Joined, false), (Life::Ended, true)] {
        let (lane, committer) = between_epochs();
        let Lane { shelf, queue, .. } = lane;
        let gone = async move {
            drop(queue);
            shelf.becomes(life);
        };
        let offsets = [(at(), 1)];
        let (outcome, ()) = tokio::join!(committer.commit(&offsets), gone);
        let error = outcome.unwrap_err();
        assert_eq!(matches!(error, KafkaError::Fenced), is_fenced, "{life:?}: {error:?}");
    }
}
