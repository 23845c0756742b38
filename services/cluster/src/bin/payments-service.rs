//! `payments-service`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use comptoir_auth::{JwtTokens, Secret};
use comptoir_cluster::config::{ClusterArgs, MongoArgs, SecretArgs};
use comptoir_cluster::platform::Cluster;
use comptoir_cluster::program::{self, Program, Stage};
use comptoir_domain::port::BoxError;
use comptoir_http::Readiness;
use comptoir_mongodb::Mongo;
use comptoir_payments::Terms;
use comptoir_runtime::config::{PaymentsArgs, PaymentsPort, Problems};
use comptoir_runtime::program::StartFailure;

/// Takes payments and drives the checkout: asks for stock, settles, expires, refunds.
#[derive(Debug, Parser)]
#[command(name = "payments-service", version)]
struct Args {
    #[command(flatten)]
    port: PaymentsPort,
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    expiry: PaymentsArgs,
    #[command(flatten)]
    mongo: MongoArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug)]
struct Settings {
    secret: Secret,
    expires_after: Duration,
    mongo: Mongo,
}

impl Program for Args {
    const NAME: &'static str = "payments-service";
    const PORT_FLAG: &'static str = "payments-port";
    type Settings = Settings;

    fn cluster(&self) -> &ClusterArgs {
        &self.cluster
    }

    fn port(&self, problems: &mut Problems) -> u16 {
        self.port.check(problems)
    }

    fn settings(&self, problems: &mut Problems, prefix: &str) -> Option<Settings> {
        // All are checked before any is missed, so that every problem is told.
        let secret = self.secret.check(problems);
        let expires_after = self.expiry.check(problems);
        let mongo = self.mongo.check(problems, prefix);
        Some(Settings { secret: secret?, expires_after, mongo: mongo? })
    }

    fn start(settings: Settings, stage: Stage<'_>) -> Result<Readiness, StartFailure> {
        let Stage { tasks, context, kafka, listener } = stage;
        let Settings { secret, expires_after, mongo } = settings;
        let terms = Terms { tokens: Arc::new(JwtTokens::new(&secret)), expires_after };
        let cluster = Cluster { kafka, mongo };
        Ok(comptoir_payments::serve(tasks, context, &cluster, terms, listener))
    }
}

fn main() -> Result<ExitCode, BoxError> {
    program::main::<Args>()
}
