//! `users-service`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use comptoir_auth::{HasherSettings, JwtTokens, Pbkdf2Hasher, Secret};
use comptoir_cluster::config::{ClusterArgs, MongoArgs, SecretArgs};
use comptoir_cluster::platform::Cluster;
use comptoir_cluster::program::{self, Program, Stage};
use comptoir_domain::port::BoxError;
use comptoir_http::Readiness;
use comptoir_mongodb::Mongo;
use comptoir_runtime::config::{Problems, UsersPort};
use comptoir_runtime::program::StartFailure;
use comptoir_users::Security;

/// Registers users and logs them in.
#[derive(Debug, Parser)]
#[command(name = "users-service", version)]
struct Args {
    #[command(flatten)]
    port: UsersPort,
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    mongo: MongoArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Program for Args {
    const NAME: &'static str = "users-service";
    const PORT_FLAG: &'static str = "users-port";
    type Settings = (Secret, Mongo);

    fn cluster(&self) -> &ClusterArgs {
        &self.cluster
    }

    fn port(&self, problems: &mut Problems) -> u16 {
        self.port.check(problems)
    }

    fn settings(&self, problems: &mut Problems, prefix: &str) -> Option<Self::Settings> {
        let (secret, mongo) = (self.secret.check(problems), self.mongo.check(problems, prefix));
        secret.zip(mongo)
    }

    fn start((secret, mongo): Self::Settings, stage: Stage<'_>) -> Result<Readiness, StartFailure> {
        let Stage { tasks, context, kafka, listener } = stage;
        let hasher = Pbkdf2Hasher::start(HasherSettings::default());
        let hasher = Arc::new(hasher.map_err(|error| StartFailure::because(&error))?);
        let security = Security { hasher, tokens: Arc::new(JwtTokens::new(&secret)) };
        let cluster = Cluster { kafka, mongo };
        Ok(comptoir_users::serve(tasks, context, &cluster, security, listener))
    }
}

fn main() -> Result<ExitCode, BoxError> {
    program::main::<Args>()
}
