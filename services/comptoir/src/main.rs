//! Every service in one process, on the log and the stores of the embedded platform.

mod banner;
mod config;
mod secret;
mod shop;

use std::process::ExitCode;

use comptoir_domain::port::BoxError;
use comptoir_runtime::program;

fn main() -> Result<ExitCode, BoxError> {
    program::run("comptoir", shop::run())
}
