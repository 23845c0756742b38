//! How to reach a cluster and how to behave there.

use std::fmt;
use std::time::Duration;

use kafka_groups::{GroupProtocol, SaslMechanism};
use thiserror::Error;

/// How to reach a cluster and how to behave there.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// `host:port` of some brokers; the first that answers tells of the others.
    pub brokers: Vec<String>,
    /// What brokers show in their logs and apply quotas to.
    pub client_id: String,
    /// Who to log in as, if the brokers ask.
    pub sasl: Option<Sasl>,
    /// Encryption; its roots, client certificate and cryptography are the caller's. See
    /// [`Settings::check`] for what it does not go with.
    #[cfg(feature = "tls")]
    pub tls: Option<std::sync::Arc<rustls::ClientConfig>>,
    /// What groups are joined with.
    pub group_protocol: GroupProtocol,
    /// The name of this member in its groups (KIP-345), if it is to keep its partitions over a
    /// restart.
    pub instance_id: Option<String>,
    /// How batches are packed.
    pub compression: Compression,
    /// For a connection until it is ready for requests.
    pub connect_timeout: Duration,
    /// For one answer of a broker. What a request waits there by its nature is added.
    pub request_timeout: Duration,
    /// For one call, with everything that is repeated inside: a new leader, a restarted broker. What
    /// a read may wait is added.
    pub call_timeout: Duration,
    /// How long a member may be silent before its partitions go to others. In the classic protocol the
    /// client decides that; in KIP-848 the broker does (`group.consumer.session.timeout.ms`, 45 s unless
    /// it is set), and this is how long the coordinator may be away before the member itself takes
    /// everything for lost: set it to what the broker has. The default is that of the brokers that
    /// `deploy/` starts.
    pub session_timeout: Duration,
    /// Between commits of a member. So much of its last work is done again if it dies; see
    /// [`GroupSettings::commit_interval`](kafka_groups::GroupSettings::commit_interval).
    pub commit_interval: Duration,
    /// Records that a member gets at once, at most.
    pub max_batch_records: usize,
}

impl Settings {
    /// The usual behaviour with these brokers.
    pub fn new(brokers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            brokers: brokers.into_iter().map(Into::into).collect(),
            client_id: "comptoir".to_owned(),
            sasl: None,
            #[cfg(feature = "tls")]
            tls: None,
            group_protocol: GroupProtocol::Auto,
            instance_id: None,
            compression: Compression::None,
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(10),
            session_timeout: Duration::from_secs(10),
            commit_interval: Duration::from_millis(50),
            max_batch_records: 2_000,
        }
    }

    /// Whether the settings go together. Those that do not are safe all the same: where TLS is wanted,
    /// nothing is sent without it.
    ///
    /// # Errors
    /// What does not go with what.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        if self.encrypts() && self.compression != Compression::None {
            return Err(InvalidSettings::PackedOverTls);
        }
        Ok(())
    }

    /// Whether TLS is wanted. rskafka must not be used then: its TLS would bring C along.
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unused_self, reason = "nothing to ask: this build has no TLS")
    )]
    pub(crate) fn encrypts(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }
}

/// Settings that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// Batches are packed by rskafka, which has no TLS here.
    #[error("batches cannot be packed where TLS is used")]
    PackedOverTls,
}

/// How batches are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Small, slow.
    Gzip,
    /// Larger, fast.
    Snappy,
}

/// Who to log in as.
#[derive(Debug, Clone)]
pub struct Sasl {
    /// How the password is proved.
    pub mechanism: SaslMechanism,
    /// The name.
    pub username: String,
    /// Its password.
    pub password: Password,
}

/// A password. Never shown, not even by `Debug`.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Settings {
    pub(crate) fn for_groups(&self) -> kafka_groups::Settings {
        let mut settings = kafka_groups::Settings::new(self.brokers.clone());
        settings.client_id.clone_from(&self.client_id);
        settings.sasl = self.sasl.as_ref().map(|sasl| kafka_groups::Sasl {
            mechanism: sasl.mechanism,
            username: sasl.username.clone(),
            password: kafka_groups::Secret::new(sasl.password.reveal()),
        });
        #[cfg(feature = "tls")]
        settings.tls.clone_from(&self.tls);
        settings.connect_timeout = self.connect_timeout;
        settings.request_timeout = self.request_timeout;
        settings
    }
}

#[cfg(all(test, feature = "tls"))]
pub(crate) fn trusting_nobody() -> std::sync::Arc<rustls::ClientConfig> {
    let provider = std::sync::Arc::new(rustls_graviola::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("graviola has what both versions need")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    std::sync::Arc::new(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_show() {
        let mut settings = Settings::new(["localhost:9092"]);
        settings.sasl = Some(Sasl {
            mechanism: SaslMechanism::Plain,
            username: "shop".to_owned(),
            password: Password::new("open sesame"),
        });
        assert!(!format!("{settings:?}").contains("sesame"));
        assert!(!format!("{:?}", settings.for_groups()).contains("sesame"));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn batches_are_not_packed_over_tls() {
        let mut settings = Settings::new(["localhost:9092"]);
        settings.compression = Compression::Gzip;
        assert_eq!(settings.check(), Ok(()));
        settings.tls = Some(trusting_nobody());
        assert_eq!(settings.check(), Err(InvalidSettings::PackedOverTls));
        settings.compression = Compression::None;
        assert_eq!(settings.check(), Ok(()));
    }
}
