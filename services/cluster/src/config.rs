//! Flags and variables of the programs. Each takes only what it needs.

mod kafka;
#[cfg(test)]
mod tests;

use std::fmt;

use clap::Args;
use comptoir_auth::Secret;
use comptoir_kafka::Settings as KafkaSettings;
use comptoir_mongodb::{InvalidSettings, Mongo, Settings as MongoSettings};
use comptoir_runtime::config::{Common, CommonArgs, Problems};
use comptoir_runtime::program::StartFailure;
use comptoir_runtime::stop_times::STORE_CALL;

use kafka::KafkaArgs;

/// What every program takes.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    common: CommonArgs,
    /// Ask the program that runs with these settings whether it is ready; exit with 0 if so, else 1
    #[arg(long)]
    pub(crate) check_health: bool,
}

/// [`ClusterArgs`], checked.
#[derive(Debug)]
pub struct Cluster {
    /// How to reach Kafka.
    pub kafka: KafkaSettings,
    /// What every program of the shop takes.
    pub common: Common,
}

impl ClusterArgs {
    /// Checks the values, noting what is wrong.
    pub fn check(&self, problems: &mut Problems) -> Cluster {
        let kafka = self.kafka.check(problems);
        let mut common = self.common.check(problems);
        // Programs without a store take the same prefixes, or some of a deployment's would start and
        // others not.
        if let Err(problem) = MongoSettings::check_prefix(&common.topic_prefix) {
            problems.note(format!("TOPIC_PREFIX: {problem}"));
            // It is told once.
            common.topic_prefix.clear();
        }
        Cluster { kafka, common }
    }
}

/// What a value says, without the blanks and line ends that secrets in files like to have around them.
pub(crate) fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

const MONGODB_URI_HELP: &str = "MongoDB to keep the state in [default: mongodb://localhost:27017]";

/// Where the store is, for programs that have one.
#[derive(Clone, Args)]
pub struct MongoArgs {
    #[arg(long, env, value_name = "URI", hide_env_values = true, help = MONGODB_URI_HELP)]
    mongodb_uri: Option<String>,
}

impl fmt::Debug for MongoArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoArgs").finish_non_exhaustive()
    }
}

impl MongoArgs {
    /// Checks the values, noting what is wrong; `None` if something is. The prefix, as
    /// [`ClusterArgs::check`] leaves it, comes before database names. Nothing is connected yet.
    pub fn check(&self, problems: &mut Problems, prefix: &str) -> Option<Mongo> {
        let uri = given(self.mongodb_uri.as_deref()).unwrap_or("mongodb://localhost:27017");
        let mut settings = MongoSettings::new(uri, prefix);
        // What else waits for an answer of the store, a stop above all, is measured by it.
        settings.deadline = STORE_CALL;
        match Mongo::new(settings) {
            Ok(mongo) => Some(mongo),
            // What the driver says may quote what it took for a port, and that may be a password.
            Err(error @ InvalidSettings::Uri(_)) if uri.contains('@') => {
                problems.note(format!(
                    "MONGODB_URI: {error}; in name and password, % : / ? # [ ] @ are written as %25 and so on"
                ));
                None
            }
            Err(error) => {
                let variable = match error {
                    InvalidSettings::Prefix => "TOPIC_PREFIX",
                    _ => "MONGODB_URI",
                };
                for line in StartFailure::because(&error).0 {
                    problems.note(format!("{variable}: {line}"));
                }
                None
            }
        }
    }
}

/// What access tokens are signed with, for programs that issue or check them.
#[derive(Clone, Args)]
pub struct SecretArgs {
    /// What access tokens are signed with: 32 bytes or more, the same for users and payments. Needed
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    jwt_secret: Option<String>,
}

impl fmt::Debug for SecretArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretArgs").finish_non_exhaustive()
    }
}

impl SecretArgs {
    /// Checks the value, noting what is wrong. There is no default.
    pub fn check(&self, problems: &mut Problems) -> Option<Secret> {
        let text = self.jwt_secret.as_deref();
        if given(text).is_none() {
            problems.note(
                "JWT_SECRET: is needed, 32 bytes or more; such as the output of openssl rand -hex 32"
                    .into(),
            );
            return None;
        }
        problems.read("JWT_SECRET", text, None, |text| {
            Secret::try_from(text.as_bytes().to_vec()).map(Some)
        })
    }
}
