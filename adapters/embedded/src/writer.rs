//! The one thread that writes.
//!
//! It takes the commands that have arrived, runs each against the database and the commands before it
//! in the same group, commits them all as one batch with one sync, brings the image in memory up to
//! date and answers every caller. What arrives meanwhile is the next group, so many callers share a
//! sync and a single one never waits for others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

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

use reopen::{Relapses, Reopening};
use transaction::Group;

/// Runs until the queue is closed and empty.
pub(crate) fn run(shared: &Arc<Shared>) {
    let (mut reopening, mut relapses): (Option<Reopening>, _) = (None, Relapses::default());
    loop {
        let patience = reopening.as_ref().map_or(Duration::MAX, Reopening::pause);
        match shared.queue.take(patience) {
            Taken::Commands(commands) if reopening.is_some() => {
                answer(commands, &Err(Failure::Reopening));
            }
            Taken::Commands(commands) => match shared.db() {
                Ok(db) => {
                    let failed = carry_out(shared, &db, commands);
                    reopening = failed.map(|state| state.after(&relapses));
                }
                Err(failure) => answer(commands, &Err(failure)),
            },
            Taken::Nothing => {}
            Taken::Closed => return,
        }
        reopening = reopening.and_then(|state| state.step(shared, &mut relapses));
    }
}

/// Runs one group of commands, whatever becomes of it.
fn carry_out(shared: &Shared, db: &Arc<Db>, commands: Vec<Box<dyn Command>>) -> Option<Reopening> {
    let run = AssertUnwindSafe(|| run_group(shared, db, commands));
    // A panic beyond the commands themselves: what is in memory may be wrong, what is on disk is not.
    catch_unwind(run).unwrap_or_else(|_| Some(Reopening::begin(shared)))
}

/// Runs one group of commands. After a failure of the disk the database has to be opened again.
fn run_group(
    shared: &Shared,
    db: &Arc<Db>,
    mut commands: Vec<Box<dyn Command>>,
) -> Option<Reopening> {
    let outcome = commit_group(shared, db, &mut commands);
    let count = commands.len();
    let Err(lost) = outcome else {
        answer(commands, &Ok(()));
        shared.queue.gather(count);
        return None;
    };
    let reopening = if let Some(culprit) = lost.culprit {
        // It leaves the database well.
        tracing::error!(writes = count, "a write ended in a panic; those beside it are given up");
        commands.remove(culprit).finish(&Err(Failure::Defect));
        None
    } else {
        tracing::error!(
            writes = count,
            error = &lost.failure as &dyn std::error::Error,
            "writes could not be made durable; until they can be, the database is only read"
        );
        Some(Reopening::begin(shared))
    };
    answer(commands, &Err(lost.failure));
    reopening
}

/// A group that was not committed.
struct Lost {
    failure: Failure,
    /// The command that ended in a panic.
    culprit: Option<usize>,
}

fn commit_group(
    shared: &Shared,
    db: &Arc<Db>,
    commands: &mut [Box<dyn Command>],
) -> Result<(), Lost> {
    let mut group = Group::new(Arc::clone(db), shared.clock.now());
    // A defect in one command costs its group, not the writer.
    let panics = |command: &mut Box<dyn Command>| {
        catch_unwind(AssertUnwindSafe(|| group.run(command.as_mut()))).is_err()
    };
    if let Some(culprit) = commands.iter_mut().position(panics) {
        group.roll_back();
        return Err(Lost { failure: Failure::GivenUp, culprit: Some(culprit) });
    }
    let committed = catch_unwind(AssertUnwindSafe(|| group.commit()));
    match committed.map_or(Err(Failure::Defect), |committed| committed.map_err(Failure::from)) {
        Ok(()) => {
            shared.count_commit(db);
            group.publish(shared);
            Ok(())
        }
        Err(failure) => {
            group.roll_back();
            Err(Lost { failure, culprit: None })
        }
    }
}

fn answer(commands: Vec<Box<dyn Command>>, outcome: &Result<(), Failure>) {
    for command in commands {
        command.finish(outcome);
    }
}
