//! Dead letters as the page shows them.

use comptoir_domain::dead_letters::LetterState;
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::record::{Position, StoredRecord};
use serde_json::{Value, json};

use super::{Counted, Letter};
use crate::message::{self, Most};

/// Every state, as it is called outside.
pub(super) const STATES: [&str; 3] = ["open", "replayed", "not_replayable"];

pub(super) const fn state(state: &LetterState) -> &'static str {
    let [open, replayed, not_replayable] = STATES;
    match state {
        LetterState::Open => open,
        LetterState::Replayed(_) => replayed,
        LetterState::Cut => not_replayable,
    }
}

/// One topic of the overview.
pub(super) fn counted(counted: &Counted) -> Value {
    json!({
        "topic": counted.topic.as_str(),
        "dead_letters": counted.topic.dead_letters().as_str(),
        "open": counted.counts.open,
        "replayed": counted.counts.replayed,
        "not_replayable": counted.counts.cut,
        "strange": counted.strange,
        "left_out": counted.left_out,
        "unread": counted.unread,
    })
}

/// A letter, of its record as much as is to be shown.
pub(super) fn letter<C: EventCodec>(letter: Letter, most: Most) -> Value {
    let Letter { found, stored } = letter;
    let account = stored.letter;
    let partition = account.source.at.partition;
    let original = StoredRecord { offset: account.source.offset, record: stored.original };
    let replayed = match &found.state {
        LetterState::Replayed(replay) => {
            json!({"time": replay.time.as_millis(), "partition": replay.to.at.partition.0, "offset": replay.to.offset.0})
        }
        LetterState::Open | LetterState::Cut => Value::Null,
    };
    json!({
        "partition": found.place.partition.0, "offset": found.place.offset.0,
        "time": account.time.as_millis(),
        "state": state(&found.state),
        "why": stored.cut_from.map(why_cut),
        "reason": account.reason, "attempts": account.attempts, "group": account.group.as_str(),
        "replays": stored.replays, "copies": found.copies,
        "source": position(&account.source),
        "replayed": replayed,
        "record": message::view::<C>(partition, &original, most),
    })
}

/// Why a letter cannot be put back.
pub(super) fn why_cut(bytes: u64) -> String {
    format!("its value of {bytes} bytes was cut to fit, and the rest is not there any more")
}

pub(super) fn position(position: &Position) -> Value {
    json!({
        "topic": position.at.topic.as_str(), "partition": position.at.partition.0,
        "offset": position.offset.0,
    })
}
