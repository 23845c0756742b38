//! What goes wrong, and when.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::Request;
use tokio::sync::Semaphore;

/// What happens to a request.
#[derive(Clone)]
pub(crate) enum Fault {
    /// The error is answered; nothing is done.
    Refuse(ResponseError),
    /// The connection is closed; nothing is done.
    DropBefore,
    /// The request is carried out, then the connection is closed without an answer.
    DropAfter,
    /// Nothing is done and nothing answered; the connection stays open.
    Hang,
    /// The request is carried out, the answer comes so much later.
    Late(Duration),
    /// The request is carried out, the answer comes when the gate is opened.
    Held(Gate),
    /// A frame of the right correlation id with bytes that are no answer.
    Garbage,
    /// The answer ends in its middle, in a frame that says it is whole.
    Truncated,
    /// The answer ends in its middle, and with it the connection.
    CutOff,
    /// The answer carries another request's correlation id.
    Misdirected,
    /// A frame that announces two gigabytes.
    Endless,
    /// The request is carried out, the answer says something else; see [`Fault::altered`].
    Altered(Alteration),
}

type Alteration = Arc<dyn Fn(&mut dyn Any) + Send + Sync>;

impl Fault {
    /// The answer to `R` as `change` leaves it.
    pub(crate) fn altered<R>(change: impl Fn(&mut R::Response) + Send + Sync + 'static) -> Self
    where
        R: Request<Response: 'static>,
    {
        Self::Altered(Arc::new(move |answer| change(answer.downcast_mut().unwrap())))
    }
}

/// Holds answers back until it is opened.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets through what waits and what comes.
    pub(crate) fn open(&self) {
        self.0.close();
    }

    pub(super) async fn passed(&self) {
        // The semaphore has no permits: acquiring ends, with an error, when it is closed.
        let _ = self.0.acquire().await;
    }
}

type Condition = Box<dyn Fn(&dyn Any) -> bool + Send>;

struct Rule {
    key: i16,
    node: Option<i32>,
    skip: usize,
    times: usize,
    when: Condition,
    fault: Fault,
}

#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    /// The fault for this request, if it is its turn.
    pub(super) fn take<R: Request + 'static>(&self, node: i32, request: &R) -> Option<Fault> {
        let mut rules = self.0.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| {
            rule.key == R::KEY
                && rule.times > 0
                && rule.node.is_none_or(|only| only == node)
                && (rule.when)(request)
        })?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// Says which requests a fault is for. Without more, it is the next one.
pub(crate) struct Rigging<'a, R> {
    faults: &'a Faults,
    rule: Rule,
    request: PhantomData<R>,
}

impl<'a, R: Request + 'static> Rigging<'a, R> {
    pub(super) fn new(faults: &'a Faults, fault: Fault) -> Self {
        let when: Condition = Box::new(|_| true);
        let rule = Rule { key: R::KEY, node: None, skip: 0, times: 1, when, fault };
        Self { faults, rule, request: PhantomData }
    }

    /// Only those at one broker.
    pub(crate) fn at(mut self, node: i32) -> Self {
        self.rule.node = Some(node);
        self
    }

    /// Lets so many pass first.
    pub(crate) fn after(mut self, skip: usize) -> Self {
        self.rule.skip = skip;
        self
    }

    /// Not only the first one.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.rule.times = times;
        self
    }

    /// Every one, until faults are cleared.
    pub(crate) fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Only such requests.
    pub(crate) fn when(mut self, condition: impl Fn(&R) -> bool + Send + 'static) -> Self {
        self.rule.when =
            Box::new(move |request| request.downcast_ref::<R>().is_some_and(&condition));
        self
    }

    /// Puts the fault in place.
    pub(crate) fn set(self) {
        self.faults.0.lock().unwrap().push(self.rule);
    }
}
