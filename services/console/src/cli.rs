//! `dlq`: dead letters on the command line, asked of a running console, because the data folder
//! belongs to the program that runs.
//!
//! What it ends with: 0 if it did what it was asked to, 1 if the console refused or something could not
//! be put back, 2 if there was nobody to ask or the command made no sense.

mod client;
mod table;
mod words;

use clap::{Args, Subcommand};
use comptoir_runtime::program::StartFailure;
use serde_json::{Value, json};

use client::{Client, Failure};

const CONSOLE_HELP: &str =
    "The console to ask [default: http://localhost, with the port of CONSOLE_PORT]";

/// What a program that has a console can be told to do instead of running.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Look at dead letters and put them back, in a program that runs
    Dlq(DlqArgs),
}

impl Command {
    /// Does it; false if it could not be done in whole. `port` is where the console is unless the
    /// command says otherwise.
    ///
    /// # Errors
    /// Nobody can be asked, and why.
    pub async fn run(self, port: u16) -> Result<bool, StartFailure> {
        match self {
            Self::Dlq(args) => args.run(port).await,
        }
    }
}

/// What is asked about dead letters, and of whom.
#[derive(Debug, Clone, Args)]
pub struct DlqArgs {
    #[command(subcommand)]
    action: Action,
    #[arg(long, global = true, value_name = "URL", help = CONSOLE_HELP)]
    console: Option<String>,
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// Count the dead letters of every topic, or list those of one, newest first
    List {
        /// The topic that they came from, such as stock
        topic: Option<String>,
        #[arg(long, help = "Only those that are open, replayed or not_replayable")]
        state: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one with its whole record
    Show {
        /// The topic that it came from
        topic: String,
        /// Its partition in the dead-letter topic
        partition: u32,
        /// Its offset there
        offset: u64,
    },
    /// Put one back on its topic, or all that are open: replay stock 0 3, replay --all stock
    Replay {
        /// The topic that it came from
        topic: String,
        /// Its partition in the dead-letter topic
        #[arg(required_unless_present = "all", requires = "offset")]
        partition: Option<u32>,
        /// Its offset there
        offset: Option<u64>,
        /// All that are open, oldest first
        #[arg(long, conflicts_with_all = ["partition", "offset"])]
        all: bool,
    },
}

impl DlqArgs {
    async fn run(self, port: u16) -> Result<bool, StartFailure> {
        let address = self.console.unwrap_or_else(|| format!("http://localhost:{port}"));
        let client = Client::new(&address).map_err(|error| StartFailure::because(&error))?;
        let json = self.json;
        let done = match self.action {
            Action::List { topic: None, .. } => count(&client, json).await,
            Action::List { topic: Some(topic), state, limit } => {
                list(&client, &topic, state.as_deref(), limit, json).await
            }
            Action::Show { topic, partition, offset } => {
                show(&client, &topic, (partition, offset), json).await
            }
            Action::Replay { topic, partition, offset, .. } => {
                replay(&client, &topic, partition.zip(offset), json).await
            }
        };
        match done {
            Ok(whole) => Ok(whole),
            Err(Failure::Refused { lines }) => {
                for line in lines {
                    eprintln!("{}", table::plain(&line, usize::MAX));
                }
                Ok(false)
            }
            Err(failure) => Err(StartFailure::because(&failure)),
        }
    }
}

async fn count(client: &Client, json: bool) -> Result<bool, Failure> {
    let counted = client.get("/dead-letters").await?;
    table::print(&if json { words::json(&counted) } else { words::counted(&counted) });
    Ok(true)
}

async fn list(
    client: &Client,
    topic: &str,
    state: Option<&str>,
    limit: usize,
    json: bool,
) -> Result<bool, Failure> {
    const PAGE: usize = 100;
    let (mut letters, mut next, mut unread) = (Vec::new(), Value::Null, Value::Null);
    while letters.len() < limit && (letters.is_empty() || next.is_string()) {
        let page = PAGE.min(limit - letters.len());
        let (state, cursor) = (state.unwrap_or_default(), next.as_str().unwrap_or_default());
        let query = format!("?state={}&limit={page}&cursor={cursor}", client::escaped(state));
        let path = format!("/topics/{}/dead-letters{query}", client::escaped(topic));
        let mut answer = client.get(&path).await?;
        let found = answer["letters"].as_array_mut().map(std::mem::take).unwrap_or_default();
        (next, unread) = (answer["next"].take(), answer["unread"].take());
        if found.is_empty() {
            break;
        }
        letters.extend(found);
    }
    let listed = json!({"letters": letters, "next": next, "unread": unread});
    table::print(&if json { words::json(&listed) } else { words::listed(&listed) });
    Ok(true)
}

async fn show(
    client: &Client,
    topic: &str,
    (partition, offset): (u32, u64),
    json: bool,
) -> Result<bool, Failure> {
    let path = format!("/topics/{}/dead-letters/{partition}/{offset}", client::escaped(topic));
    let letter = client.get(&path).await?;
    table::print(&if json { words::json(&letter) } else { words::shown(&letter) });
    Ok(true)
}

/// Puts back the one at that place, or all, in as many requests as it takes.
async fn replay(
    client: &Client,
    topic: &str,
    one: Option<(u32, u64)>,
    json: bool,
) -> Result<bool, Failure> {
    let path = format!("/topics/{}/dead-letters/replay", client::escaped(topic));
    let mut order = match one {
        Some((partition, offset)) => json!({"partition": partition, "offset": offset}),
        None => json!({"all": true}),
    };
    let (mut replayed, mut not_replayed) = (Vec::new(), Vec::new());
    let open = loop {
        let mut answer = client.post(&path, &order).await?;
        let mut part =
            |name: &str| answer[name].as_array_mut().map(std::mem::take).unwrap_or_default();
        let (done, kept) = (part("replayed"), part("not_replayed"));
        if !json {
            table::print(&words::put_back(topic, &done, &kept));
        }
        replayed.extend(done);
        not_replayed.extend(kept);
        match answer["next"].take() {
            Value::Null => break answer["open"].take(),
            next => order["cursor"] = next,
        }
    };
    let whole = not_replayed.is_empty();
    table::print(&if json {
        words::json(&json!({"replayed": replayed, "not_replayed": not_replayed, "open": open}))
    } else {
        words::outcome(replayed.len(), not_replayed.len(), &open)
    });
    Ok(whole)
}
