//! Carries a plan out.

use std::thread;
use std::time::{Duration, Instant};

use comptoir_stage::patience::{now, pause, tell};

use crate::plan::Fault;
use crate::town::Town;

/// Lets every lane go on by itself, until all faults are undone. What takes longer than planned, such as
/// Kafka's way back, delays what follows in its lane.
pub(crate) fn carry_out(town: &Town, lanes: &[Vec<Fault>]) {
    let began = now();
    thread::scope(|scope| {
        for lane in lanes {
            scope.spawn(move || {
                let mut late = Duration::ZERO;
                for fault in lane {
                    late = carry_out_one(town, fault, began + late) + late;
                }
            });
        }
    });
}

/// One fault of a lane that began then; how much longer than planned it took.
fn carry_out_one(town: &Town, fault: &Fault, began: Instant) -> Duration {
    let (harm, undo) = fault.harm.steps();
    pause_until(began + fault.at);
    tell(&fault.to_string());
    town.act(harm, fault.target);
    pause_until(began + fault.at + fault.lasts);
    town.act(undo, fault.target);
    began.elapsed().saturating_sub(fault.at + fault.lasts)
}

fn pause_until(time: Instant) {
    pause(time.saturating_duration_since(now()));
}
