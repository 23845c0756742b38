//! Flags and variables of `comptoir`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use comptoir_console::cli::Command;
use comptoir_runtime::config::{
    Common, CommonArgs, ConsolePort, InventoriesPort, LogsPort, NotificationsPort, PaymentsArgs,
    PaymentsPort, Problems, UsersPort,
};

use crate::secret;
use comptoir_auth::Secret;

/// A small shop whose services talk only through a log. This program runs all of them, durable, with
/// nothing else to install.
// No `Debug`: it holds the secret as it was given.
#[derive(Parser)]
#[command(name = "comptoir", version)]
pub(crate) struct Args {
    /// What to do instead of running.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    logs: LogsPort,
    #[command(flatten)]
    users: UsersPort,
    #[command(flatten)]
    payments: PaymentsPort,
    #[command(flatten)]
    inventories: InventoriesPort,
    #[command(flatten)]
    notifications: NotificationsPort,
    #[command(flatten)]
    console: ConsolePort,
    /// Folder of the log and the stores [default: ./data]
    #[arg(long, env, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// What access tokens are signed with, 32 bytes or more [default: made once, kept in the data folder]
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    jwt_secret: Option<String>,
    #[command(flatten)]
    expiry: PaymentsArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// The ports of all services.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) logs: u16,
    pub(crate) users: u16,
    pub(crate) payments: u16,
    pub(crate) inventories: u16,
    pub(crate) notifications: u16,
    pub(crate) console: u16,
}

/// [`Args`], checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) ports: Ports,
    pub(crate) data_dir: PathBuf,
    /// `None`: the one in the data folder.
    pub(crate) jwt_secret: Option<Secret>,
    pub(crate) expires_after: Duration,
    pub(crate) common: Common,
}

impl Args {
    /// The port of the console alone, for whoever wants to ask it.
    pub(crate) fn console_port(&self) -> Result<u16, Vec<String>> {
        let mut problems = Problems::default();
        let port = self.console.check(&mut problems);
        problems.or(port)
    }

    /// Checks every value; all that is wrong is told at once.
    pub(crate) fn check(&self) -> Result<Config, Vec<String>> {
        let mut problems = Problems::default();
        let ports = Ports {
            logs: self.logs.check(&mut problems),
            users: self.users.check(&mut problems),
            payments: self.payments.check(&mut problems),
            inventories: self.inventories.check(&mut problems),
            notifications: self.notifications.check(&mut problems),
            console: self.console.check(&mut problems),
        };
        let folder = self.data_dir.as_deref();
        let data_dir =
            problems.read("DATA_DIR", folder, PathBuf::from("data"), str::parse::<PathBuf>);
        let secret = self.jwt_secret.as_deref();
        let jwt_secret =
            problems.read("JWT_SECRET", secret, None, |text| secret::parse(text).map(Some));
        let expires_after = self.expiry.check(&mut problems);
        let common = self.common.check(&mut problems);
        problems.or(Config { ports, data_dir, jwt_secret, expires_after, common })
    }
}
