//! Every event has exactly one line, whoever reads them.

use std::collections::BTreeSet;

use comptoir_domain::envelope::Payload;
use comptoir_domain::event::Event;
use comptoir_domain::log_entry::LogEntry;

use super::told::Told;
use crate::reader::Read;
use crate::words;

pub(super) fn check(told: &Told, read: &Read) -> Vec<String> {
    let mut broken = Vec::new();
    let mut lines = BTreeSet::new();
    for occurrence in told.logs.values() {
        match &occurrence.envelope.payload {
            Payload::Known(Event::LogWritten(entry)) => {
                if !lines.insert(entry.id.to_string()) {
                    broken.push(format!("every event has one line: {:?} is two", entry.message));
                }
            }
            Payload::Known(_) | Payload::Foreign { .. } => {
                let what = words::event(&occurrence.envelope);
                broken.push(format!("every event has one line: {what} is none"));
            }
        }
    }
    if lines != read.lines {
        let (shown, all) = (read.lines.len(), lines.len());
        broken.push(format!("every line is shown: {shown} of {all} are"));
    }
    for occurrence in told.notifications.values() {
        let envelope = &occurrence.envelope;
        if !lines.remove(LogEntry::of(envelope).id.as_str()) {
            let what = words::event(envelope);
            broken.push(format!("every event has one line: {what} has none"));
        }
    }
    for line in lines {
        broken.push(format!("every line has its event: {line} has none"));
    }
    broken
}
