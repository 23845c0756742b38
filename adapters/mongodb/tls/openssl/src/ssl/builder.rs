//! What a connector is made from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::{SslConnector, SslFiletype, SslVerifyMode};
use crate::error::ErrorStack;
use crate::roots::{self, Roots};

pub(super) const UNCHECKED_CERTIFICATES: &str =
    "certificates are always checked; name the server's authority with tlsCAFile";

/// Gathers what a [`SslConnector`] is made from.
#[derive(Debug)]
pub struct SslConnectorBuilder {
    roots: Roots,
    mode: SslVerifyMode,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl SslConnectorBuilder {
    pub(super) fn new() -> Self {
        Self { roots: Roots::default(), mode: SslVerifyMode::PEER, certificate: None, key: None }
    }

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
    /// If the file cannot be read, or holds no authority.
    pub fn set_ca_file(&mut self, file: impl AsRef<Path>) -> Result<(), ErrorStack> {
        self.roots.file = Some(file.as_ref().to_owned());
        self.roots.load().map(drop)
    }

    /// Shows the server the certificates of a PEM file, the client's own first.
    ///
    /// # Errors
    /// If the file cannot be read, or holds no certificate.
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
    /// If the file cannot be read or holds no key, or if the key does not go with the certificates that
    /// were named before.
    pub fn set_private_key_file(
        &mut self,
        file: impl AsRef<Path>,
        _: SslFiletype,
    ) -> Result<(), ErrorStack> {
        let file = file.as_ref();
        let key = read_key(file)?;
        if let Some(certificate) = &self.certificate {
            let chain = roots::certificates(certificate)?;
            CertifiedKey::from_der(chain, key, &rustls_graviola::default_provider())
                .map_err(|error| roots::unreadable(file, &error))?;
        }
        self.key = Some(file.to_owned());
        Ok(())
    }

    /// The connector. What is wrong with it is told by [`SslConnector::configure`].
    #[must_use]
    pub fn build(self) -> SslConnector {
        SslConnector::new(self.config())
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
