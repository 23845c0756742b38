//! The contracts of the ports, as checks that run on every adapter.
//!
//! A check that does not apply to an adapter says so and passes; which ones do is told by the
//! harness's [`Features`], never by what the adapter is.

pub mod bus;
pub mod codec;
pub mod security;
pub mod store;

use std::time::Duration;

pub use comptoir_domain::port::platform::{Log, Stores};
use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};

use crate::wait::PATIENCE;

/// What not every adapter, or not every harness, can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// What was acknowledged is there after closing and opening again.
    Durable,
    /// The harness can throw a member out of its group.
    Expels,
    /// The harness can let retention forget records.
    Forgets,
    /// Each harness opens a log of its own, not a corner of a shared one.
    Separate,
}

/// What an adapter is held to beyond what all are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// What it can do.
    pub has: &'static [Feature],
    /// How long to wait for what must come.
    pub patience: Duration,
}

impl Features {
    /// These, with the usual patience.
    pub const fn of(has: &'static [Feature]) -> Self {
        Self { has, patience: PATIENCE }
    }
}

/// Opens the adapter under test. Every test makes its own harness, with its own, empty data.
pub trait Harness: Default + Send + Sync {
    /// What is under test: a platform, or its [`Log`] or [`Stores`] alone.
    type Subject: Clone + Send + Sync + 'static;

    /// What it can be held to.
    const FEATURES: Features;

    /// Opens it, once per harness.
    fn open(&self) -> impl Future<Output = Self::Subject> + Send;

    /// Closes it and opens it again over the same data. All that was made from it is gone by now.
    /// Needed where [`Feature::Durable`] is set.
    fn reopen(&self, open: Self::Subject) -> impl Future<Output = Self::Subject> + Send {
        async move {
            drop(open);
            unreachable!("the harness claims durability but cannot reopen")
        }
    }

    /// Throws a member out of the group behind its back. Needed where [`Feature::Expels`] is set.
    fn expel(&self, subject: &Self::Subject, group: &GroupId) -> impl Future<Output = ()> + Send {
        let _ = (subject, group);
        async { unreachable!("the harness claims to expel but cannot") }
    }

    /// Forgets a partition's records before an offset. Needed where [`Feature::Forgets`] is set.
    fn forget_before(
        &self,
        subject: &Self::Subject,
        at: &TopicPartition,
        offset: Offset,
    ) -> impl Future<Output = ()> + Send {
        let _ = (subject, at, offset);
        async { unreachable!("the harness claims to forget but cannot") }
    }

    /// A name for a topic that no other test uses. Harnesses that share a server add something.
    fn topic(&self, name: &str) -> Topic {
        Topic::try_from(name).unwrap()
    }

    /// A name for a group that no other test uses.
    fn group(&self, name: &str) -> GroupId {
        GroupId::try_from(name).unwrap()
    }
}

/// A harness whose subject has a log.
pub trait BusHarness: Harness<Subject: Log> {}

impl<H: Harness<Subject: Log>> BusHarness for H {}

/// A harness whose subject has stores.
pub trait StoreHarness: Harness<Subject: Stores> {}

impl<H: Harness<Subject: Stores>> StoreHarness for H {}

/// Whether a check applies to the adapter; if it does not, that is reported.
pub(crate) fn applies<H: Harness>(needs: Feature) -> bool {
    let has = H::FEATURES.has.contains(&needs);
    if !has {
        does_not_apply(&format!("{needs:?} is none of the adapter's features"));
    }
    has
}

/// Reports that a check does not apply.
pub(crate) fn does_not_apply(why: &str) {
    eprintln!("does not apply: {why}");
}
