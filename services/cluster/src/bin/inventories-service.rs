//! `inventories-service`.

use std::process::ExitCode;

use clap::Parser;
use comptoir_cluster::config::{ClusterArgs, MongoArgs};
use comptoir_cluster::platform::Cluster;
use comptoir_cluster::program::{self, Program, Stage};
use comptoir_domain::port::BoxError;
use comptoir_http::Readiness;
use comptoir_mongodb::Mongo;
use comptoir_runtime::config::{InventoriesPort, Problems};
use comptoir_runtime::program::StartFailure;

/// Keeps stock: reserves, sells and releases what payments asks for, and shows it.
#[derive(Debug, Parser)]
#[command(name = "inventories-service", version)]
struct Args {
    #[command(flatten)]
    port: InventoriesPort,
    #[command(flatten)]
    mongo: MongoArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Program for Args {
    const NAME: &'static str = "inventories-service";
    const PORT_FLAG: &'static str = "inventories-port";
    type Settings = Mongo;

    fn cluster(&self) -> &ClusterArgs {
        &self.cluster
    }

    fn port(&self, problems: &mut Problems) -> u16 {
        self.port.check(problems)
    }

    fn settings(&self, problems: &mut Problems, prefix: &str) -> Option<Mongo> {
        self.mongo.check(problems, prefix)
    }

    fn start(mongo: Mongo, stage: Stage<'_>) -> Result<Readiness, StartFailure> {
        let Stage { tasks, context, kafka, listener } = stage;
        let cluster = Cluster { kafka, mongo };
        Ok(comptoir_inventories::serve(tasks, context, &cluster, listener))
    }
}

fn main() -> Result<ExitCode, BoxError> {
    program::main::<Args>()
}
