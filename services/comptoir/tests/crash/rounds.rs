//! One life of the program after the other, each cut short.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir_stage::Chance;
use comptoir_stage::patience::{now, pause};
use comptoir_stage::shoppers::Site;

use crate::program::{Program, command};

/// Milliseconds under load before it is killed.
const UNDER_LOAD: (u64, u64) = (20, 400);
/// Milliseconds after the start of the process: about as long as a start takes.
const WHILE_STARTING: (u64, u64) = (0, 50);
/// Milliseconds after SIGTERM.
const WHILE_STOPPING: (u64, u64) = (0, 40);

/// Where the program listens now, if it runs.
#[derive(Default, Clone)]
pub(crate) struct Street(Arc<Mutex<HashMap<&'static str, u16>>>);

impl Street {
    /// For clients that outlive many programs.
    pub(crate) fn site(&self) -> Site {
        let ports = Arc::clone(&self.0);
        Arc::new(move |service| {
            let name = service.trim_end_matches("-service");
            ports.lock().unwrap().get(name).copied().into_iter().collect()
        })
    }

    fn opens(&self, program: &Program) {
        let services = ["users", "payments", "inventories"];
        *self.0.lock().unwrap() = services.map(|service| (service, program.port(service))).into();
    }

    fn closes(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// The rounds so far.
pub(crate) struct Rounds<'a> {
    data: &'a Path,
    street: &'a Street,
    chance: Chance,
    under_load: usize,
    while_starting: usize,
    while_stopping: usize,
    slowest_start: Duration,
}

impl<'a> Rounds<'a> {
    pub(crate) fn new(data: &'a Path, street: &'a Street, chance: Chance) -> Self {
        Self {
            data,
            street,
            chance,
            under_load: 0,
            while_starting: 0,
            while_stopping: 0,
            slowest_start: Duration::ZERO,
        }
    }

    /// Starts it on what the last round left, and kills it at some moment.
    pub(crate) fn one(&mut self) {
        match self.chance.within(0, 10) {
            0..4 => self.kill_while_starting(),
            4..8 => {
                let program = self.start();
                self.wait_within(UNDER_LOAD);
                program.kill();
                self.under_load += 1;
            }
            _ => self.kill_while_stopping(),
        }
        self.street.closes();
    }

    fn kill_while_starting(&mut self) {
        let mut starting = command(self.data).stdout(Stdio::null()).spawn().unwrap();
        self.wait_within(WHILE_STARTING);
        starting.kill().unwrap();
        starting.wait().unwrap();
        self.while_starting += 1;
    }

    fn kill_while_stopping(&mut self) {
        let program = self.start();
        self.wait_within(UNDER_LOAD);
        program.signal("TERM");
        self.wait_within(WHILE_STOPPING);
        program.kill();
        self.while_stopping += 1;
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(&mut self) -> Program {
        let began = now();
        let program = Program::start(self.data);
        self.slowest_start = self.slowest_start.max(began.elapsed());
        self.street.opens(&program);
        program
    }

    /// Lets it stop as it should.
    pub(crate) fn stop(&self, program: Program) {
        program.signal("TERM");
        let status = program.wait();
        assert!(status.success(), "a clean stop: {status}");
        self.street.closes();
    }

    fn wait_within(&mut self, (least, most): (u64, u64)) {
        pause(Duration::from_micros(self.chance.within(least * 1_000, most * 1_000)));
    }
}

impl fmt::Display for Rounds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "killed {} times under load, {} while it started, {} while it stopped; slowest start {} ms",
            self.under_load,
            self.while_starting,
            self.while_stopping,
            self.slowest_start.as_millis()
        )
    }
}
