//! How to reach a cluster.

use std::fmt;
use std::time::Duration;

/// How to reach a cluster, and the bounds on what talking to it may take.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// `host:port` of some brokers; the first that answers tells of the others.
    pub brokers: Vec<String>,
    /// What brokers show in their logs and quotas.
    pub client_id: String,
    /// Who to log in as, if the brokers ask.
    pub sasl: Option<Sasl>,
    /// Encryption; its roots, client certificate and cryptography are the caller's.
    #[cfg(feature = "tls")]
    pub tls: Option<std::sync::Arc<tokio_rustls::rustls::ClientConfig>>,
    /// For a connection until it is ready for requests: TCP, TLS, versions, login.
    pub connect_timeout: Duration,
    /// For one answer. What a request waits at the broker is added.
    pub request_timeout: Duration,
    /// How long metadata counts as current if nothing contradicts it.
    pub metadata_max_age: Duration,
    /// Connections kept open for later, per broker.
    pub idle_connections: usize,
    /// The largest answer taken, in bytes.
    pub max_answer_bytes: usize,
    /// The most that one compressed batch may unpack to, and that the records of one answer may take
    /// beside their own bytes, in bytes. What goes beyond is left for the next fetch; a batch or a record
    /// that is too large by itself holds its partition.
    pub max_batch_bytes: usize,
    /// Which records of transactions are read.
    pub isolation: Isolation,
}

impl Settings {
    /// Settings for these brokers, without TLS and login.
    pub fn new(brokers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            brokers: brokers.into_iter().map(Into::into).collect(),
            client_id: "kafka-groups".to_owned(),
            sasl: None,
            #[cfg(feature = "tls")]
            tls: None,
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(5),
            metadata_max_age: Duration::from_mins(1),
            idle_connections: 8,
            max_answer_bytes: 100 << 20,
            max_batch_bytes: 64 << 20,
            isolation: Isolation::ReadCommitted,
        }
    }
}

/// Which records of transactions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// All, also those of open and aborted transactions.
    ReadUncommitted,
    /// Those of committed transactions, in order: reading waits at the first open one.
    #[default]
    ReadCommitted,
}

impl Isolation {
    pub(crate) fn level(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}

/// Who to log in as.
#[derive(Debug, Clone)]
pub struct Sasl {
    /// How the password is proved.
    pub mechanism: SaslMechanism,
    /// The name.
    pub username: String,
    /// Its password.
    pub password: Secret,
}

/// How a password is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslMechanism {
    /// Sent as it is (RFC 4616): only over TLS.
    Plain,
    /// Salted challenge and response with SHA-256 (RFC 5802, RFC 7677).
    ScramSha256,
    /// The same with SHA-512.
    ScramSha512,
}

impl SaslMechanism {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Text that must not be shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
