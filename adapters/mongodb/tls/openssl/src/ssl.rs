//! The client's side of TLS, up to where the bytes flow.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, ServerName};

use crate::cpu;
use crate::error::ErrorStack;
use crate::roots::{self, Roots};

const UNCHECKED_CERTIFICATES: &str =
    "certificates are always checked; name the server's authority with tlsCAFile";
const UNCHECKED_HOST_NAMES: &str =
    "host names are always checked; use a name that the server's certificate has";

/// Which protocol: TLS 1.2 or 1.3, as a client.
#[derive(Debug, Clone, Copy)]
pub struct SslMethod(());

impl SslMethod {
    /// The client's side.
    #[must_use]
    pub fn tls_client() -> Self {
        Self(())
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SslFiletype(());

impl SslFiletype {
    /// Base64 between lines that say what it is (RFC 7468).
    pub const PEM: Self = Self(());
}

/// Whether the server has to prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SslVerifyMode {
    checked: bool,
}

impl SslVerifyMode {
    /// It has not: refused by [`SslConnector::configure`].
    pub const NONE: Self = Self { checked: false };
    /// It has.
    pub const PEER: Self = Self { checked: true };
}

/// Gathers what a [`SslConnector`] is made from.
#[derive(Debug)]
pub struct SslConnectorBuilder {
    roots: Roots,
    mode: SslVerifyMode,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl SslConnectorBuilder {
    /// Trusts the system's authorities, if no file is named by [`Self::set_ca_file`].
    ///
    /// # Errors
    /// None: a system without any is told by [`SslConnector::configure`].
    pub fn load_verify_locations(
        &mut self,
        file: Option<&Path>,
        dir: Option<&Path>,
    ) -> Result<(), ErrorStack> {
        self.roots.system_file = file.map(Path::to_owned);
        self.roots.system_dir = dir.map(Path::to_owned);
        Ok(())
    }

    /// Says whether the server has to prove who it is.
    pub fn set_verify(&mut self, mode: SslVerifyMode) {
        self.mode = mode;
    }

    /// Trusts the authorities of a PEM file, and no others.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn set_ca_file(&mut self, file: impl AsRef<Path>) -> Result<(), ErrorStack> {
        let file = file.as_ref();
        roots::certificates(file)?;
        self.roots.file = Some(file.to_owned());
        Ok(())
    }

    /// Shows the server the certificates of a PEM file, the client's own first.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn set_certificate_file(
        &mut self,
        file: impl AsRef<Path>,
        _: SslFiletype,
    ) -> Result<(), ErrorStack> {
        let file = file.as_ref();
        roots::certificates(file)?;
        self.certificate = Some(file.to_owned());
        Ok(())
    }

    /// Proves with the private key of a PEM file that the certificate is the client's.
    ///
    /// # Errors
    /// If the file cannot be read, or holds no key.
    pub fn set_private_key_file(
        &mut self,
        file: impl AsRef<Path>,
        _: SslFiletype,
    ) -> Result<(), ErrorStack> {
        let file = file.as_ref();
        read_key(file)?;
        self.key = Some(file.to_owned());
        Ok(())
    }

    /// The connector. What is wrong with it is told by [`SslConnector::configure`].
    #[must_use]
    pub fn build(self) -> SslConnector {
        SslConnector(self.config().map(Arc::new))
    }

    fn config(&self) -> Result<ClientConfig, ErrorStack> {
        if !self.mode.checked {
            return Err(ErrorStack::new(UNCHECKED_CERTIFICATES));
        }
        let rustls = |error: rustls::Error| ErrorStack::new(error.to_string());
        let provider = Arc::new(rustls_graviola::default_provider());
        let trusting = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(rustls)?
            .with_root_certificates(self.roots.load()?);
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => trusting
                .with_client_auth_cert(roots::certificates(certificate)?, read_key(key)?)
                .map_err(rustls),
            (None, None) => Ok(trusting.with_no_client_auth()),
            _ => Err(ErrorStack::new("a certificate and its private key go together")),
        }
    }
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, ErrorStack> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| roots::unreadable(file, &error))
}

/// Knows whom to trust and what to show. Cheap to clone.
#[derive(Clone)]
pub struct SslConnector(Result<Arc<ClientConfig>, ErrorStack>);

impl fmt::Debug for SslConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SslConnector").finish_non_exhaustive()
    }
}

impl SslConnector {
    /// A builder that trusts nobody yet.
    ///
    /// # Errors
    /// If the processor lacks something that is needed; the error names it.
    pub fn builder(_: SslMethod) -> Result<SslConnectorBuilder, ErrorStack> {
        cpu::check()?;
        Ok(SslConnectorBuilder {
            roots: Roots::default(),
            mode: SslVerifyMode::PEER,
            certificate: None,
            key: None,
        })
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

/// Why a connection could not be opened.
#[derive(Debug)]
pub struct Error(io::Error);

impl Error {
    /// The same as an error of the stream, which it always is here.
    ///
    /// # Errors
    /// None.
    pub fn into_io_error(self) -> Result<io::Error, Self> {
        Ok(self.0)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

    fn builder() -> SslConnectorBuilder {
        SslConnector::builder(SslMethod::tls_client()).unwrap()
    }

    #[test]
    fn nobody_is_trusted_unseen() {
        let mut builder = builder();
        builder.set_verify(SslVerifyMode::NONE);
        let refused = builder.build().configure().unwrap_err();
        assert_eq!(refused.to_string(), UNCHECKED_CERTIFICATES);
    }

    #[test]
    fn a_host_name_is_always_checked() {
        if !Path::new(SYSTEM).exists() {
            eprintln!("skipped: the system has no certificate authorities");
            return;
        }
        let mut builder = builder();
        builder.load_verify_locations(Some(Path::new(SYSTEM)), None).unwrap();
        let connector = builder.build();
        let unchecked = connector.configure().unwrap().verify_hostname(false);
        assert_eq!(unchecked.into_ssl("localhost").unwrap_err().to_string(), UNCHECKED_HOST_NAMES);
        for host in ["localhost", "db.example.org", "127.0.0.1", "::1"] {
            assert!(connector.configure().unwrap().into_ssl(host).is_ok(), "{host}");
        }
        assert!(connector.configure().unwrap().into_ssl("no host").is_err());
    }

    #[test]
    fn files_are_read_when_they_are_named() {
        let mut builder = builder();
        let missing = Path::new("/nowhere/client.pem");
        assert!(builder.set_ca_file(missing).is_err());
        assert!(builder.set_certificate_file(missing, SslFiletype::PEM).is_err());
        assert!(builder.set_private_key_file(missing, SslFiletype::PEM).is_err());
    }
}
