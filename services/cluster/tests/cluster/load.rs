//! Clients that go on asking until they are stopped, and remember what they were answered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use comptoir_stage::http::post;
use comptoir_stage::patience::{now, pause, until};

/// How long a client may go without one answer that counts.
const PROGRESS_TIME: Duration = Duration::from_mins(1);

/// Clients at work. Dropped, they stop.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    accepted: AtomicUsize,
    outcome: Mutex<Outcome>,
}

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The id of each request that was accepted.
    pub(crate) accepted: Vec<String>,
    /// What else was answered.
    pub(crate) other: Vec<String>,
    /// The longest that an answer took.
    pub(crate) slowest: Duration,
}

impl Load {
    /// Pays, each client after a pause.
    pub(crate) fn pay(port: u16, clients: usize, pace: Duration) -> Self {
        Self::start(clients, pace, move |_, _| id_of(port, "/pay", "", 202))
    }

    /// Registers users named after `name`.
    pub(crate) fn register(port: u16, name: &'static str, pace: Duration) -> Self {
        Self::start(1, pace, move |_, turn| {
            id_of(port, "/register", &format!("username={name}-{turn}&password=secret"), 201)
        })
    }

    fn start(
        clients: usize,
        pace: Duration,
        ask: impl Fn(usize, usize) -> Result<String, String> + Send + Clone + 'static,
    ) -> Self {
        let shared = Arc::<Shared>::default();
        let client = |number| {
            let (shared, ask) = (Arc::clone(&shared), ask.clone());
            thread::spawn(move || {
                let mut turn = 0;
                while !shared.stop.load(Ordering::Relaxed) {
                    let began = now();
                    shared.note(ask(number, turn), began.elapsed());
                    turn += 1;
                    pause(pace);
                }
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { shared, clients }
    }

    /// Waits until so many more were accepted.
    #[track_caller]
    pub(crate) fn go_on(&self, more: usize) {
        let enough = self.shared.accepted.load(Ordering::Relaxed) + more;
        until("requests are accepted", PROGRESS_TIME, || {
            let accepted = self.shared.accepted.load(Ordering::Relaxed);
            if accepted >= enough { Ok(()) } else { Err((accepted, enough)) }
        });
    }

    /// Stops.
    pub(crate) fn finish(mut self) -> Outcome {
        self.stop();
        std::mem::take(&mut self.shared.outcome.lock().unwrap())
    }

    fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn note(&self, answer: Result<String, String>, took: Duration) {
        let mut outcome = self.outcome.lock().unwrap();
        outcome.slowest = outcome.slowest.max(took);
        match answer {
            Ok(id) => {
                outcome.accepted.push(id);
                self.accepted.fetch_add(1, Ordering::Relaxed);
            }
            Err(other) => outcome.other.push(other),
        }
    }
}

/// The id in an answer of that status.
fn id_of(port: u16, path: &str, form: &str, status: u16) -> Result<String, String> {
    let answer = post(port, path, form).map_err(|error| format!("POST {path}: {error}"))?;
    if answer.status != status {
        return Err(format!("POST {path}: {answer:?}"));
    }
    Ok(answer.json()["id"].as_str().unwrap_or_default().to_owned())
}
