//! The dead letters of one topic, folded from what stands on its dead-letter topic.
//!
//! A letter is known by where its record came from: a crash between publishing a letter and committing
//! its record makes a second copy, and a note tells which one was put back. Letters and notes come in
//! any order, since without a key they may stand in different partitions.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use uuid::Uuid;

use crate::port::bus::Bounds;
use crate::port::codec::{DeadRecord, Replay};
use crate::record::Position;
use crate::time::Timestamp;
use crate::topic::{Offset, Partition, Topic};

/// Where a record stood on the source topic.
type Source = (Partition, Offset);

/// Where a record of the dead-letter topic stands, in order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The record's time.
    pub time: Timestamp,
    /// Its partition.
    pub partition: Partition,
    /// Its offset there.
    pub offset: Offset,
}

/// What can be done with a dead letter, and what was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetterState {
    /// It can be put back on its topic.
    Open,
    /// It was put back.
    Replayed(Replay),
    /// Its value was cut, so it cannot be put back.
    Cut,
}

/// One dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where its newest copy stands on the dead-letter topic.
    pub place: Place,
    /// How it is.
    pub state: LetterState,
    /// How often it stands there.
    pub copies: u32,
}

/// How many letters there are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Those that can be put back.
    pub open: u64,
    /// Those that were.
    pub replayed: u64,
    /// Those that cannot be, because they were cut.
    pub cut: u64,
}

/// What is known of one source. The place is the newest letter's, or the note's as long as there is no
/// letter.
#[derive(Debug, Clone)]
struct Entry {
    place: Place,
    copies: u32,
    cut: bool,
    replay: Option<Replay>,
}

impl Entry {
    /// The newest copy counts: retention takes it last.
    fn add_copy(&mut self, place: Place, cut: bool) {
        if self.copies == 0 || place > self.place {
            (self.place, self.cut) = (place, cut);
        }
        self.copies = self.copies.saturating_add(1);
    }

    /// The latest note counts, in whatever order they are read.
    fn note(&mut self, replay: Replay) {
        let when = |replay: &Replay| (replay.time, replay.to.at.partition, replay.to.offset);
        if self.replay.as_ref().is_none_or(|known| when(known) < when(&replay)) {
            self.replay = Some(replay);
        }
    }

    /// `None` as long as only a note is known.
    fn found(&self) -> Option<Found> {
        let state = match &self.replay {
            Some(replay) => LetterState::Replayed(replay.clone()),
            None if self.cut => LetterState::Cut,
            None => LetterState::Open,
        };
        (self.copies > 0).then_some(Found { place: self.place, state, copies: self.copies })
    }
}

/// The dead letters of a topic, as far as its dead-letter topic was read.
#[derive(Debug, Clone)]
pub struct Letters {
    source: Topic,
    most: usize,
    log: Option<Uuid>,
    read: BTreeMap<Partition, Offset>,
    entries: BTreeMap<Source, Entry>,
    order: BTreeMap<Place, Source>,
    left_out: u64,
    strange: u64,
}

impl Letters {
    /// Nothing read yet. Beyond `most` letters the oldest are left out.
    pub const fn new(source: Topic, most: usize) -> Self {
        Self {
            source,
            most,
            log: None,
            read: BTreeMap::new(),
            entries: BTreeMap::new(),
            order: BTreeMap::new(),
            left_out: 0,
            strange: 0,
        }
    }

    /// The topic that the letters came from.
    pub const fn source(&self) -> &Topic {
        &self.source
    }

    /// Letters that were left out for want of room. They still stand on their topic.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Records that are neither letters nor notes of this topic.
    pub const fn strange(&self) -> u64 {
        self.strange
    }

    /// Where to read on in a partition.
    pub fn next_of(&self, partition: Partition) -> Offset {
        self.read.get(&partition).copied().unwrap_or(Offset::ZERO)
    }

    /// Takes the next record of a partition in; `None` is one that says nothing.
    pub fn take_in(&mut self, place: Place, says: Option<DeadRecord>) {
        self.read.insert(place.partition, place.offset.next());
        match says {
            Some(DeadRecord::Letter(stored)) if stored.letter.source.at.topic == self.source => {
                let cut = stored.cut_from.is_some();
                self.change(&stored.letter.source, place, |entry| entry.add_copy(place, cut));
            }
            Some(DeadRecord::Replayed(replay)) if replay.source.at.topic == self.source => {
                let source = replay.source.clone();
                self.change(&source, place, |entry| entry.note(replay));
            }
            Some(DeadRecord::Letter(_) | DeadRecord::Replayed(_)) | None => self.strange += 1,
        }
        while self.entries.len() > self.most {
            self.leave_out_the_oldest();
        }
    }

    fn change(&mut self, source: &Position, place: Place, how: impl FnOnce(&mut Entry)) {
        let source = (source.at.partition, source.offset);
        let fresh = Entry { place, copies: 0, cut: false, replay: None };
        let entry = self.entries.entry(source).or_insert(fresh);
        self.order.remove(&entry.place);
        how(entry);
        self.order.insert(entry.place, source);
    }

    fn leave_out_the_oldest(&mut self) {
        if let Some((_, source)) = self.order.pop_first()
            && self.entries.remove(&source).is_some_and(|entry| entry.copies > 0)
        {
            self.left_out += 1;
        }
    }

    /// Forgets what retention has removed, and does not look for it any more.
    pub fn keep_within(&mut self, bounds: &[Bounds]) {
        for (partition, bounds) in (0..).map(Partition).zip(bounds) {
            let next = self.read.entry(partition).or_default();
            *next = (*next).max(bounds.earliest);
        }
        let gone = |place: &Place| {
            let bounds = bounds.get(place.partition.0 as usize);
            bounds.is_none_or(|bounds| place.offset < bounds.earliest)
        };
        self.entries.retain(|_, entry| !gone(&entry.place));
        self.order.retain(|place, _| !gone(place));
    }

    /// Records that are still to be read.
    pub fn unread(&self, bounds: &[Bounds]) -> u64 {
        let partitions = (0..).map(Partition).zip(bounds);
        let left = partitions.map(|(at, bounds)| bounds.next.0.saturating_sub(self.next_of(at).0));
        left.sum()
    }

    /// Starts over if what was read is of another log: the topic was made anew.
    pub fn go_on_in(&mut self, log: Option<Uuid>, bounds: &[Bounds]) {
        let beyond = self.read.iter().any(|(partition, next)| {
            bounds.get(partition.0 as usize).is_none_or(|bounds| *next > bounds.next)
        });
        if beyond || log != self.log {
            *self = Self { log, ..Self::new(self.source.clone(), self.most) };
        }
    }

    /// How many letters there are.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for found in self.entries.values().filter_map(Entry::found) {
            match found.state {
                LetterState::Open => counts.open += 1,
                LetterState::Replayed(_) => counts.replayed += 1,
                LetterState::Cut => counts.cut += 1,
            }
        }
        counts
    }

    /// The letter that came from there.
    pub fn of(&self, source: &Position) -> Option<Found> {
        let own = source.at.topic == self.source;
        let entry = self.entries.get(&(source.at.partition, source.offset)).filter(|_| own);
        entry.and_then(Entry::found)
    }

    /// The letters before a place, newest first; all of them without one.
    pub fn newest_first(&self, before: Option<Place>) -> impl Iterator<Item = Found> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let places = self.order.range((Bound::Unbounded, end)).rev();
        places.filter_map(|(_, source)| self.entries.get(source).and_then(Entry::found))
    }

    /// The letters between two places that can be put back, oldest first: so those of one key keep
    /// their order.
    pub fn open(&self, between: impl RangeBounds<Place>) -> impl Iterator<Item = Found> {
        let places = self.order.range(between);
        let all = places.filter_map(|(_, source)| self.entries.get(source)?.found());
        all.filter(|found| found.state == LetterState::Open)
    }

    /// The newest place of all.
    pub fn newest(&self) -> Option<Place> {
        self.order.last_key_value().map(|(place, _)| *place)
    }
}
