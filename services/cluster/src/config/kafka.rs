//! How to reach Kafka.

use std::fmt;

use clap::Args;
use comptoir_kafka::{GroupProtocol, Password, Sasl, SaslMechanism, Settings as KafkaSettings};
use comptoir_runtime::config::Problems;

use super::given;
use crate::kafka_tls::KafkaTlsArgs;

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "clap names flags and variables by them")]
pub(super) struct KafkaArgs {
    /// Brokers to begin with, separated by commas [default: localhost:9092]
    #[arg(long, env, value_name = "HOST:PORT,...")]
    kafka_brokers: Option<String>,
    /// How consumer groups work: auto, consumer (KIP-848) or classic [default: auto]
    #[arg(long, env, value_name = "PROTOCOL")]
    kafka_group_protocol: Option<String>,
    /// How to log in to Kafka: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 [default: not at all]
    #[arg(long, env, value_name = "MECHANISM")]
    kafka_sasl_mechanism: Option<String>,
    /// Who logs in to Kafka
    #[arg(long, env, value_name = "NAME")]
    kafka_sasl_username: Option<String>,
    /// With which password; blanks around it are no part of it
    #[arg(long, env, value_name = "PASSWORD", hide_env_values = true)]
    kafka_sasl_password: Option<Hidden>,
    #[command(flatten)]
    kafka_tls: KafkaTlsArgs,
}

/// A value that must not be shown.
#[derive(Clone)]
struct Hidden(String);

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl KafkaArgs {
    /// Checks the values, noting what is wrong.
    pub(super) fn check(&self, problems: &mut Problems) -> KafkaSettings {
        let brokers = self.kafka_brokers.as_deref();
        let local = vec!["localhost:9092".to_owned()];
        let brokers = problems.read("KAFKA_BROKERS", brokers, local, broker_list);
        let protocol = self.kafka_group_protocol.as_deref();
        let protocol = problems.read(
            "KAFKA_GROUP_PROTOCOL",
            protocol,
            GroupProtocol::Auto,
            |text| match text {
                "auto" => Ok(GroupProtocol::Auto),
                "consumer" => Ok(GroupProtocol::Consumer),
                "classic" => Ok(GroupProtocol::Classic),
                _ => Err("must be auto, consumer or classic"),
            },
        );
        let mut settings = KafkaSettings::new(brokers);
        settings.group_protocol = protocol;
        settings.sasl = self.sasl(problems);
        self.kafka_tls.check(problems, &mut settings);
        settings
    }

    fn sasl(&self, problems: &mut Problems) -> Option<Sasl> {
        let mechanism = self.kafka_sasl_mechanism.as_deref();
        let mechanism = problems.read("KAFKA_SASL_MECHANISM", mechanism, None, |text| match text {
            "PLAIN" => Ok(Some(SaslMechanism::Plain)),
            "SCRAM-SHA-256" => Ok(Some(SaslMechanism::ScramSha256)),
            "SCRAM-SHA-512" => Ok(Some(SaslMechanism::ScramSha512)),
            _ => Err("must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"),
        });
        let username = given(self.kafka_sasl_username.as_deref());
        let password = given(self.kafka_sasl_password.as_ref().map(|Hidden(text)| text.as_str()));
        match (mechanism, username, password) {
            (Some(mechanism), Some(username), Some(password)) => {
                let (username, password) = (username.to_owned(), Password::new(password));
                Some(Sasl { mechanism, username, password })
            }
            (None, None, None) => None,
            (Some(_), _, _) => {
                problems.note(
                    "KAFKA_SASL_MECHANISM: needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
                        .into(),
                );
                None
            }
            (None, _, _) => {
                // A mechanism that is wrong was told already.
                if given(self.kafka_sasl_mechanism.as_deref()).is_none() {
                    problems.note(
                        "KAFKA_SASL_MECHANISM: is missing beside a name or a password".into(),
                    );
                }
                None
            }
        }
    }
}

fn broker_list(text: &str) -> Result<Vec<String>, &'static str> {
    let address = |address: &str| {
        let (host, port) = address.trim().rsplit_once(':')?;
        // A scheme in front would otherwise pass for a host.
        let legal = |c: char| c.is_alphanumeric() || "._-:[]".contains(c);
        let named = !host.is_empty()
            && host.chars().all(legal)
            && port.parse::<u16>().is_ok_and(|port| port > 0);
        named.then(|| address.trim().to_owned())
    };
    let brokers: Option<Vec<_>> = text.split(',').map(address).collect();
    brokers.ok_or("must be HOST:PORT without a scheme, several separated by commas")
}
