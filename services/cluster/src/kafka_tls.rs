//! TLS to Kafka: off unless it is asked for, and there only if the program was built with the feature
//! `kafka-tls`.
//!
//! Every build knows the variables. One without the feature refuses to start with them, so that nobody
//! takes for encrypted what is not.

#[cfg(feature = "kafka-tls")]
mod client;
#[cfg(test)]
mod tests;

use clap::Args;
use comptoir_kafka::Settings;
use comptoir_runtime::config::Problems;

use crate::config::given;

const HIDDEN: bool = cfg!(not(feature = "kafka-tls"));

/// Whether connections to Kafka are encrypted, and whom they trust.
#[derive(Debug, Clone, Args)]
pub(crate) struct KafkaTlsArgs {
    /// Whether to speak TLS to Kafka: on or off [default: off]
    #[arg(long, env, value_name = "SWITCH", hide = HIDDEN)]
    kafka_tls: Option<String>,
    /// Whose certificates Kafka's brokers may have, a PEM file [default: the system's authorities]
    #[arg(long, env, value_name = "FILE", hide = HIDDEN)]
    kafka_tls_ca_file: Option<String>,
}

impl KafkaTlsArgs {
    /// Checks the values, noting what is wrong; the settings speak TLS afterwards if they should.
    pub(crate) fn check(&self, problems: &mut Problems, settings: &mut Settings) {
        let switch = given(self.kafka_tls.as_deref());
        let file = given(self.kafka_tls_ca_file.as_deref());
        if matches!((switch, file), (None | Some("off"), None)) {
            return;
        }
        if let Err(problem) = set_up(switch, file, settings) {
            problems.note(problem);
        }
    }
}

#[cfg(not(feature = "kafka-tls"))]
fn set_up(switch: Option<&str>, _: Option<&str>, _: &mut Settings) -> Result<(), String> {
    let variable = match switch {
        None | Some("off") => "KAFKA_TLS_CA_FILE",
        Some(_) => "KAFKA_TLS",
    };
    Err(format!(
        "{variable}: this program was built without TLS to Kafka; build it with --features kafka-tls"
    ))
}

#[cfg(feature = "kafka-tls")]
fn set_up(switch: Option<&str>, file: Option<&str>, settings: &mut Settings) -> Result<(), String> {
    match switch {
        None | Some("off") => Err("KAFKA_TLS_CA_FILE: is of no use without KAFKA_TLS=on".into()),
        Some("on") => {
            let config = client::config(file.map(std::path::Path::new));
            let told = |problem: client::Unusable| format!("{}: {problem}", problem.variable());
            settings.tls = Some(config.map_err(told)?);
            settings.check().map_err(|problem| format!("KAFKA_TLS: {problem}"))
        }
        Some(_) => Err("KAFKA_TLS: must be on or off".into()),
    }
}
