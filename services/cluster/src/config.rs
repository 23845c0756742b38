//! Flags and variables of the programs. Each takes only what it needs.

use std::fmt;

use clap::Args;
use comptoir_auth::Secret;
use comptoir_kafka::{GroupProtocol, Password, Sasl, SaslMechanism, Settings as KafkaSettings};
use comptoir_mongodb::{InvalidSettings, Mongo, Settings as MongoSettings};
use comptoir_runtime::config::{Common, CommonArgs, Problems};
use comptoir_runtime::program::StartFailure;
use comptoir_runtime::stop_times::STORE_CALL;

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

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "clap names flags and variables by them")]
struct KafkaArgs {
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
    fn check(&self, problems: &mut Problems) -> KafkaSettings {
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

/// What a value says, without the blanks and line ends that secrets in files like to have around them.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn broker_list(text: &str) -> Result<Vec<String>, &'static str> {
    let address = |address: &str| {
        let (host, port) = address.trim().rsplit_once(':')?;
        let named = !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0);
        named.then(|| address.trim().to_owned())
    };
    let brokers: Option<Vec<_>> = text.split(',').map(address).collect();
    brokers.ok_or("must be HOST:PORT, several separated by commas")
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        cluster: ClusterArgs,
        #[command(flatten)]
        mongo: MongoArgs,
        #[command(flatten)]
        secret: SecretArgs,
    }

    fn problems(flags: &[&str]) -> Vec<String> {
        let flags = Flags::parse_from(std::iter::once(&"program").chain(flags));
        let mut problems = Problems::default();
        let prefix = flags.cluster.check(&mut problems).common.topic_prefix;
        flags.mongo.check(&mut problems, &prefix);
        flags.secret.check(&mut problems);
        problems.or(()).err().unwrap_or_default()
    }

    const SECRET: &str = "--jwt-secret=0123456789abcdef0123456789abcdef";

    #[test]
    fn a_secret_is_all_that_is_needed() {
        assert_eq!(problems(&[SECRET]), Vec::<String>::new());
        let lines = problems(&[]);
        assert!(matches!(&lines[..], [line] if line.starts_with("JWT_SECRET: ")), "{lines:?}");
        assert_eq!(problems(&["--jwt-secret=short"]).len(), 1);
    }

    #[test]
    fn every_problem_is_told() {
        let lines = problems(&[
            SECRET,
            "--kafka-brokers=here",
            "--kafka-group-protocol=new",
            "--kafka-sasl-mechanism=GSSAPI",
            "--mongodb-uri=http://here",
            "--topic-partitions=0",
        ]);
        let named: Vec<_> = lines.iter().filter_map(|line| line.split(':').next()).collect();
        let expected = [
            "KAFKA_BROKERS",
            "KAFKA_GROUP_PROTOCOL",
            "KAFKA_SASL_MECHANISM",
            "TOPIC_PARTITIONS",
            "MONGODB_URI",
        ];
        assert_eq!(named, expected, "{lines:?}");
    }

    #[test]
    fn a_prefix_suits_topics_and_databases_alike() {
        assert_eq!(problems(&[SECRET, "--topic-prefix=shop_eu-1"]), Vec::<String>::new());
        // The first is legal for topics alone, the second for neither.
        for wrong in ["shop.eu.", "shop/eu", &"a".repeat(31)] {
            let lines = problems(&[SECRET, &format!("--topic-prefix={wrong}")]);
            let told = matches!(&lines[..], [line] if line.starts_with("TOPIC_PREFIX: "));
            assert!(told, "{wrong} gives {lines:?}");
        }
    }

    #[test]
    fn blanks_around_a_value_are_no_part_of_it() {
        let lines = problems(&[
            SECRET,
            "--mongodb-uri= mongodb://here\n",
            "--kafka-sasl-mechanism=PLAIN\n",
            "--kafka-sasl-username=u\n",
            "--kafka-sasl-password=p\n",
        ]);
        assert_eq!(lines, Vec::<String>::new());
        // None of them says anything.
        let blank = ["--mongodb-uri= ", "--kafka-sasl-username=\n", "--kafka-sasl-password= "];
        assert_eq!(problems(&[&[SECRET][..], &blank].concat()), Vec::<String>::new());
    }

    #[test]
    fn a_login_is_whole_or_absent() {
        let mechanism = "--kafka-sasl-mechanism=SCRAM-SHA-256";
        let (name, password) = ("--kafka-sasl-username=u", "--kafka-sasl-password=p");
        assert_eq!(problems(&[SECRET, mechanism, name, password]), Vec::<String>::new());
        for some in [&[mechanism][..], &[mechanism, name], &[name], &[password, name]] {
            let lines = problems(&[&[SECRET], some].concat());
            let told = matches!(&lines[..], [line] if line.starts_with("KAFKA_SASL_MECHANISM: "));
            assert!(told, "{some:?} gives {lines:?}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let flags = [SECRET, "--kafka-sasl-password=hush", "--mongodb-uri=mongodb://u:hush@h"];
        let flags = Flags::parse_from(std::iter::once("program").chain(flags));
        let shown = format!("{flags:?}");
        assert!(!shown.contains("hush") && !shown.contains("0123456789abcdef"), "{shown}");
    }
}
