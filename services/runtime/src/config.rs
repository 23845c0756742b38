//! Configuration: flags with environment fallbacks, all read once, all problems told together.
//!
//! clap takes every value as text, because it would stop at the first bad one; what a value must be
//! is checked here. An empty variable is unset.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use comptoir_domain::topic::Topics;
use comptoir_http::PublicHosts;
use tracing_subscriber::EnvFilter;

use crate::telemetry;

/// What is wrong with the configuration, one line per problem.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// The parsed value, or the default if the text is missing, empty or wrong; wrong is noted.
    pub fn read<T, E: Display>(
        &mut self,
        variable: &str,
        text: Option<&str>,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        match text.map(str::trim).filter(|text| !text.is_empty()).map(parse) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(problem)) => {
                self.note(format!("{variable}: {problem}"));
                default
            }
        }
    }

    /// Notes a problem in one line.
    pub fn note(&mut self, line: String) {
        self.0.push(line);
    }

    /// The value, if nothing was wrong.
    pub fn or<T>(self, value: T) -> Result<T, Vec<String>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// Reads a duration: a number of seconds, or a number with `ms`, `s`, `m` or `h`.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "must be a time such as 120, 90s, 500ms or 2m";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| WRONG)?;
    let millis = match unit.trim() {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    millis.map(Duration::from_millis).ok_or(WRONG)
}

/// A port: 0 lets the system choose.
fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "must be a port, 0 to 65535")
}

const PUBLIC_HOSTS_HELP: &str = "Names that browsers may reach the pages by, separated by commas \
     [default: localhost,127.0.0.1,[::1]]";
const RUST_LOG_HELP: &str = "What the program logs to standard error, such as info or \
     warn,comptoir_runtime=debug [default: warn]";

/// What every program takes.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, env, value_name = "ADDRESS")]
    listen_host: Option<String>,
    #[arg(long, env, value_name = "NAMES", help = PUBLIC_HOSTS_HELP)]
    public_hosts: Option<String>,
    /// Put before topic, group and database names, so that several deployments share one cluster
    #[arg(long, env, value_name = "TEXT")]
    topic_prefix: Option<String>,
    /// Partitions of topics that are created at start [default: 3]
    #[arg(long, env, value_name = "COUNT")]
    topic_partitions: Option<String>,
    #[arg(long, env, value_name = "FILTER", help = RUST_LOG_HELP)]
    rust_log: Option<String>,
}

/// [`CommonArgs`], checked.
#[derive(Debug)]
pub struct Common {
    /// Address to listen on.
    pub listen_host: String,
    /// Names that browsers may use.
    pub public_hosts: PublicHosts,
    /// Put before names.
    pub topic_prefix: String,
    /// Partitions of new topics.
    pub topic_partitions: u32,
    /// What is logged.
    pub log: EnvFilter,
}

impl CommonArgs {
    /// Checks the values, noting what is wrong.
    pub fn check(&self, problems: &mut Problems) -> Common {
        let host = self.listen_host.as_deref();
        let listen_host = problems.read("LISTEN_HOST", host, "127.0.0.1".to_owned(), host_name);
        let hosts = self.public_hosts.as_deref();
        let public_hosts =
            problems.read("PUBLIC_HOSTS", hosts, PublicHosts::default(), str::parse::<PublicHosts>);
        let prefix = self.topic_prefix.as_deref();
        let topic_prefix = problems.read("TOPIC_PREFIX", prefix, String::new(), |text| {
            Topics::with_prefix(text).map(|_| text.to_owned())
        });
        let partitions = self.topic_partitions.as_deref();
        let topic_partitions = problems.read("TOPIC_PARTITIONS", partitions, 3, partition_count);
        let filter = self.rust_log.as_deref();
        let log = problems.read(
            "RUST_LOG",
            filter,
            EnvFilter::new(telemetry::DEFAULT_FILTER),
            telemetry::parse_filter,
        );
        Common { listen_host, public_hosts, topic_prefix, topic_partitions, log }
    }
}

fn host_name(text: &str) -> Result<String, &'static str> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let legal = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    if bare.chars().all(legal) { Ok(bare.to_owned()) } else { Err("must be an address or a name") }
}

/// More partitions than this help nobody here and cost memory each.
const MAX_PARTITIONS: u32 = 1_000;

fn partition_count(text: &str) -> Result<u32, &'static str> {
    let count = text.parse::<NonZeroU32>().ok().filter(|count| count.get() <= MAX_PARTITIONS);
    count.map(NonZeroU32::get).ok_or("must be 1 to 1000")
}

/// Defines the flag of one port: `LOGS_PORT` and `--logs-port`.
macro_rules! port_args {
    ($($args:ident($field:ident, $variable:literal, $default:literal, $what:literal)),* $(,)?) => {$(
        #[doc = concat!("The port of ", $what, ".")]
        #[derive(Debug, Clone, Args)]
        pub struct $args {
            #[arg(long, env = $variable, value_name = "PORT",
                help = concat!("Port of ", $what, " [default: ", $default, "]"))]
            $field: Option<String>,
        }

        impl $args {
            /// Checks the value, noting what is wrong.
            pub fn check(&self, problems: &mut Problems) -> u16 {
                problems.read($variable, self.$field.as_deref(), $default, port)
            }
        }
    )*};
}

port_args! {
    LogsPort(logs_port, "LOGS_PORT", 3000, "the live page and the log stream"),
    UsersPort(users_port, "USERS_PORT", 3001, "the users service"),
    PaymentsPort(payments_port, "PAYMENTS_PORT", 3002, "the payments service"),
    InventoriesPort(inventories_port, "INVENTORIES_PORT", 3003, "the inventories service"),
    NotificationsPort(notifications_port, "NOTIFICATIONS_PORT", 3004, "the notifications service (health)"),
    ConsolePort(console_port, "CONSOLE_PORT", 8080, "the topic console"),
}

/// Options of payments.
#[derive(Debug, Clone, Args)]
pub struct PaymentsArgs {
    /// How long a payment may stay pending, such as 120 or 2m [default: 120]
    #[arg(long, env, value_name = "TIME")]
    payment_expires_after: Option<String>,
}

impl PaymentsArgs {
    /// Checks the value, noting what is wrong.
    pub fn check(&self, problems: &mut Problems) -> Duration {
        const DEFAULT: Duration = Duration::from_mins(2);
        let text = self.payment_expires_after.as_deref();
        problems.read("PAYMENT_EXPIRES_AFTER", text, DEFAULT, |text| match duration(text)? {
            Duration::ZERO => Err("must be longer than nothing"),
            time => Ok(time),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, millis) in [("120", 120_000), ("90s", 90_000), ("500ms", 500), ("2m", 120_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "s", "-1", "1d", "1.5s", "99999999999999999999", "18446744073709551615h"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_problem_is_told_and_an_empty_value_is_none() {
        let args = CommonArgs {
            listen_host: Some("a b".into()),
            public_hosts: Some(String::new()),
            topic_prefix: Some("ä".into()),
            topic_partitions: Some("0".into()),
            rust_log: None,
        };
        let mut problems = Problems::default();
        args.check(&mut problems);
        let ports = LogsPort { logs_port: Some("70000".into()) };
        assert_eq!(ports.check(&mut problems), 3000);
        let lines = problems.or(()).unwrap_err();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(lines[0].starts_with("LISTEN_HOST: "), "{lines:?}");
        assert!(lines[3].starts_with("LOGS_PORT: "), "{lines:?}");
    }
}
