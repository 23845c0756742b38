//! Writes one log line for every event.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::envelope::{Cause, Service};
use crate::event::Event;
use crate::log_entry::LogEntry;
use crate::port::bus::{BusError, Publisher};
use crate::port::codec::EventCodec;
use crate::port::handler::{Delivery, Handler, Outcome};
use crate::record::{Outgoing, Record};
use crate::topic::Topic;

/// Writes lines. The line of an event depends on the event alone, and so does its envelope but for
/// `received`, which is its record's time too, so a redelivery repeats the line and never makes another.
#[derive(Debug)]
pub struct Notify<P, C> {
    publisher: P,
    logs: Topic,
    codec: PhantomData<C>,
}

impl<P: Publisher, C: EventCodec> Notify<P, C> {
    /// The handler; lines go to the topic `logs`.
    pub fn new(publisher: P, logs: Topic) -> Self {
        Self { publisher, logs, codec: PhantomData }
    }

    /// The line keeps its cause's key, so that repeats share a partition and the lines of one
    /// subject stay in order.
    fn line(&self, delivery: &Delivery) -> Outgoing {
        let event = &delivery.envelope;
        let entry = Event::LogWritten(LogEntry::of(event));
        let cause = Cause::delivered(event, delivery.received);
        let mut envelope = cause.announce(entry, Service::Notifications, event.time);
        envelope.subject.clone_from(&event.subject);
        // Retention counts from when the line is written, whatever time a stranger's event gives.
        let record =
            Record { time: delivery.received, ..C::encode(&envelope, delivery.key.as_deref()) };
        Outgoing { topic: self.logs.clone(), record }
    }
}

/// Whether the error is a matter of one record, not of the log.
fn is_the_records(error: &BusError) -> bool {
    matches!(error, BusError::TooLarge { .. } | BusError::Refused(_))
}

impl<P: Publisher, C: EventCodec> Handler for Notify<P, C> {
    async fn handle(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let lines = batch.iter().map(|delivery| self.line(delivery)).collect();
        let Err(error) = self.publisher.publish(lines).await else {
            return batch.iter().map(|_| Outcome::Done).collect();
        };
        if batch.len() > 1 && is_the_records(&error) {
            return self.one_by_one(batch).await;
        }
        let outcome = Outcome::from(Arc::new(error));
        vec![outcome; batch.len()]
    }
}

impl<P: Publisher, C: EventCodec> Notify<P, C> {
    /// One line of the batch is not taken; it must not take the others with it. Where something else
    /// is in the way, the rest is not tried: a later line must not stand before an earlier one.
    async fn one_by_one(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for delivery in batch {
            match self.publisher.publish(vec![self.line(delivery)]).await {
                Ok(_) => outcomes.push(Outcome::Done),
                Err(error) if is_the_records(&error) => outcomes.push(Arc::new(error).into()),
                Err(error) => {
                    outcomes.resize(batch.len(), Arc::new(error).into());
                    break;
                }
            }
        }
        outcomes
    }
}
