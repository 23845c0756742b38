//! A write on its way to the writer, and its answer on the way back.

use tokio::sync::oneshot;

use super::Transaction;
use crate::error::Failure;

/// One write, whatever it returns.
pub(crate) trait Command: Send {
    /// Decides and writes into the group. If this says false, what it wrote is dropped.
    fn run(&mut self, tx: &mut Transaction<'_>) -> bool;

    /// Answers the caller, after the group was committed or given up.
    fn finish(self: Box<Self>, outcome: &Result<(), Failure>);
}

/// A command made of a closure.
pub(crate) struct Job<F, T, E> {
    body: Option<F>,
    answer: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job<F, T, E> {
    pub(crate) fn new(body: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (caller, answer) = oneshot::channel();
        let job = Self { body: Some(body), answer: None, caller };
        (job, answer)
    }
}

impl<F, T, E> Command for Job<F, T, E>
where
    F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Failure> + Send,
{
    fn run(&mut self, tx: &mut Transaction<'_>) -> bool {
        self.answer = self.body.take().map(|body| body(tx));
        matches!(self.answer, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, outcome: &Result<(), Failure>) {
        let answer = match (outcome, self.answer) {
            (Ok(()), Some(answer)) => answer,
            (Ok(()), None) => Err(Failure::Defect.into()),
            (Err(failure), _) => Err(failure.clone().into()),
        };
        // A caller that has gone does not need it.
        let _ = self.caller.send(answer);
    }
}
