//! The client's side of TLS, on rustls and graviola: no C.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};
use thiserror::Error;

/// Why TLS cannot be set up. Each is one line at start, so causes are part of it.
#[derive(Debug, Error)]
pub(super) enum Unusable {
    #[error("needs a processor with AES and AVX2, or their like")]
    Processor,
    #[error("{} cannot be used: {cause}", file.display())]
    Unreadable { file: PathBuf, cause: pem::Error },
    #[error("{} cannot be used: {cause}", file.display())]
    NoAuthority { file: PathBuf, cause: rustls::Error },
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
    #[error("the system names no authorities; KAFKA_TLS_CA_FILE can name a file with them")]
    NoSystem,
}

impl Unusable {
    /// The variable to blame.
    pub(super) fn variable(&self) -> &'static str {
        match self {
            Self::Processor | Self::NoSystem => "KAFKA_TLS",
            Self::Unreadable { .. } | Self::NoAuthority { .. } | Self::Empty(_) => {
                "KAFKA_TLS_CA_FILE"
            }
        }
    }
}

/// Trusts the authorities of the file and no others, or those of the system.
pub(super) fn config(file: Option<&Path>) -> Result<Arc<ClientConfig>, Unusable> {
    // Without it the first handshake would panic.
    if !graviola::util::is_cpu_supported() {
        return Err(Unusable::Processor);
    }
    let authorities = file.map_or_else(of_system, of_file)?;
    let provider = Arc::new(rustls_graviola::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("graviola has what TLS 1.2 and 1.3 need")
        .with_root_certificates(authorities)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn of_file(file: &Path) -> Result<RootCertStore, Unusable> {
    let unreadable = |cause| Unusable::Unreadable { file: file.to_owned(), cause };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
        let added = store.add(certificate.map_err(unreadable)?);
        added.map_err(|cause| Unusable::NoAuthority { file: file.to_owned(), cause })?;
    }
    if store.is_empty() { Err(Unusable::Empty(file.to_owned())) } else { Ok(store) }
}

/// The system's authorities, as far as they can be read: it may hold what rustls does not know.
fn of_system() -> Result<RootCertStore, Unusable> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() { Err(Unusable::NoSystem) } else { Ok(store) }
}
