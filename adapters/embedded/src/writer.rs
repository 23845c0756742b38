//! The one thread that writes.
//!
//! It takes the commands that have arrived, runs each against the database and the commands before it
//! in the same group, commits them all as one batch with one sync, brings the image in memory up to
//! date and answers every caller. What arrives meanwhile is the next group, so many callers share a
//! sync and a single one never waits for others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use fjall::PersistMode;

use crate::error::Failure;
use crate::keyspaces::Db;
use crate::shared::Shared;

mod command;
mod queue;
mod reopen;
#[cfg(test)]
mod tests;
mod transaction;

pub(crate) use command::{Command, Job};
pub(crate) use queue::{Queue, Taken};
pub(crate) use transaction::Transaction;

use reopen::Reopening;
use transaction::Group;

/// Runs until the queue is closed and empty.
pub(crate) fn run(shared: &Arc<Shared>) {
    let mut reopening: Option<Reopening> = None;
    loop {
        let patience = reopening.as_ref().map_or(Duration::MAX, Reopening::pause);
        match shared.queue.take(patience) {
            Taken::Commands(commands) => match shared.db() {
                Ok(db) => reopening = carry_out(shared, db, commands),
                Err(failure) => answer(commands, &Err(failure)),
            },
            Taken::Nothing => {}
            Taken::Closed => return,
        }
        reopening = reopening.and_then(|state| state.step(shared));
    }
}

/// Runs one group of commands, whatever becomes of it.
fn carry_out(shared: &Shared, db: Arc<Db>, commands: Vec<Box<dyn Command>>) -> Option<Reopening> {
    let same = Arc::clone(&db);
    let run = AssertUnwindSafe(|| run_group(shared, same, commands));
    // A panic beyond the commands themselves: what is in memory may be wrong, what is on disk is not.
    catch_unwind(run).unwrap_or_else(|_| {
        shared.close_db();
        Some(Reopening::after(db))
    })
}

/// Runs one group of commands. After a failure of the disk the database has to be opened again.
fn run_group(
    shared: &Shared,
    db: Arc<Db>,
    mut commands: Vec<Box<dyn Command>>,
) -> Option<Reopening> {
    let outcome = commit_group(shared, &db, &mut commands);
    let reopening = match &outcome {
        Ok(()) => None,
        Err(failure) => {
            tracing::error!(
                writes = commands.len(),
                error = failure as &dyn std::error::Error,
                "a group of writes could not be committed"
            );
            let is_well = matches!(failure, Failure::Defect);
            (!is_well).then(|| {
                shared.close_db();
                Reopening::after(db)
            })
        }
    };
    let count = commands.len();
    answer(commands, &outcome);
    shared.queue.gather(count);
    reopening
}

fn commit_group(
    shared: &Shared,
    db: &Arc<Db>,
    commands: &mut [Box<dyn Command>],
) -> Result<(), Failure> {
    let mut group = Group::new(Arc::clone(db), shared.clock.now());
    // A defect in one command costs its group, not the writer.
    let committed = catch_unwind(AssertUnwindSafe(|| {
        for command in commands.iter_mut() {
            group.run(command.as_mut());
        }
        group.commit(PersistMode::SyncData)
    }));
    let outcome = match committed {
        Ok(committed) => committed.map_err(Failure::from),
        Err(_) => Err(Failure::Defect),
    };
    if outcome.is_ok() {
        shared.count_commit();
        group.publish(shared);
    } else {
        group.roll_back();
    }
    outcome
}

fn answer(commands: Vec<Box<dyn Command>>, outcome: &Result<(), Failure>) {
    for command in commands {
        command.finish(outcome);
    }
}
