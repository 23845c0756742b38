//! A connector, and what becomes of it for each connection.

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;

use super::{SslConnectorBuilder, SslMethod};
use crate::cpu;
use crate::error::ErrorStack;

pub(super) const UNCHECKED_HOST_NAMES: &str =
    "host names are always checked; use a name that the server's certificate has";

/// Knows whom to trust and what to show. Cheap to clone.
#[derive(Clone)]
pub struct SslConnector(Result<Arc<ClientConfig>, ErrorStack>);

impl fmt::Debug for SslConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SslConnector").finish_non_exhaustive()
    }
}

impl SslConnector {
    pub(super) fn new(config: Result<ClientConfig, ErrorStack>) -> Self {
        Self(config.map(Arc::new))
    }

    /// A builder that trusts nobody yet.
    ///
    /// # Errors
    /// If the processor lacks something that is needed; the error names it.
    pub fn builder(_: SslMethod) -> Result<SslConnectorBuilder, ErrorStack> {
        cpu::check()?;
        Ok(SslConnectorBuilder::new())
    }

    /// The settings of one connection.
    ///
    /// # Errors
    /// What was wrong with what the connector was built from.
    pub fn configure(&self) -> Result<ConnectConfiguration, ErrorStack> {
        let config = self.0.clone()?;
        Ok(ConnectConfiguration { config, sni: true, checks_host_name: true })
    }
}

/// The settings of one connection.
#[derive(Debug)]
pub struct ConnectConfiguration {
    config: Arc<ClientConfig>,
    sni: bool,
    checks_host_name: bool,
}

impl ConnectConfiguration {
    /// Whether to tell the server which host is meant (SNI, RFC 6066 §3).
    #[must_use]
    pub fn use_server_name_indication(self, sni: bool) -> Self {
        Self { sni, ..self }
    }

    /// Whether the certificate must name the host. Without, [`Self::into_ssl`] refuses.
    #[must_use]
    pub fn verify_hostname(self, checks_host_name: bool) -> Self {
        Self { checks_host_name, ..self }
    }

    /// A connection to the host, a DNS name or an IP address.
    ///
    /// # Errors
    /// If the name is neither, or is not to be checked.
    pub fn into_ssl(self, host: &str) -> Result<Ssl, ErrorStack> {
        if !self.checks_host_name {
            return Err(ErrorStack::new(UNCHECKED_HOST_NAMES));
        }
        let host = ServerName::try_from(host.to_owned())
            .map_err(|_| ErrorStack::new(format!("{host:?} is no name of a host")))?;
        let mut config = self.config;
        if config.enable_sni != self.sni {
            Arc::make_mut(&mut config).enable_sni = self.sni;
        }
        Ok(Ssl { config, host })
    }
}

/// A connection that is to be opened.
#[derive(Debug)]
pub struct Ssl {
    config: Arc<ClientConfig>,
    host: ServerName<'static>,
}

impl Ssl {
    /// What tokio-rustls opens it with.
    #[doc(hidden)]
    #[must_use]
    pub fn into_parts(self) -> (Arc<ClientConfig>, ServerName<'static>) {
        (self.config, self.host)
    }
}
