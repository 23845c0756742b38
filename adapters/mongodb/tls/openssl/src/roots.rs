//! Whom to trust: certificate authorities from PEM files.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::error::ErrorStack;

/// Where authorities are found. They are read when the connector is built, once.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    /// The file that was asked for; then nobody else is trusted.
    pub(crate) file: Option<PathBuf>,
    /// The system's file of all authorities.
    pub(crate) system_file: Option<PathBuf>,
    /// The system's folder with a file for each.
    pub(crate) system_dir: Option<PathBuf>,
}

impl Roots {
    pub(crate) fn load(&self) -> Result<RootCertStore, ErrorStack> {
        let mut store = RootCertStore::empty();
        if let Some(file) = &self.file {
            for certificate in certificates(file)? {
                store.add(certificate).map_err(|error| unreadable(file, &error))?;
            }
            return Ok(store);
        }
        self.load_system(&mut store);
        if store.is_empty() {
            return Err(ErrorStack::new(
                "no certificate authorities: neither tlsCAFile nor the system names any",
            ));
        }
        Ok(store)
    }

    /// The system's authorities, as far as they can be read: it may hold what rustls does not know.
    fn load_system(&self, store: &mut RootCertStore) {
        if let Some(file) = &self.system_file {
            store.add_parsable_certificates(certificates(file).unwrap_or_default());
        }
        if !store.is_empty() {
            return;
        }
        let files = self.system_dir.as_ref().and_then(|dir| dir.read_dir().ok());
        for file in files.into_iter().flatten().flatten() {
            store.add_parsable_certificates(certificates(&file.path()).unwrap_or_default());
        }
    }
}

/// The certificates of a PEM file, which are one or more.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ErrorStack> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let found = found.map_err(|error| unreadable(file, &error))?;
    if found.is_empty() {
        return Err(ErrorStack::new(format!("{} holds no certificate", file.display())));
    }
    Ok(found)
}

pub(crate) fn unreadable(file: &Path, error: &impl std::fmt::Display) -> ErrorStack {
    ErrorStack::new(format!("{} cannot be used: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(roots: &Roots) -> String {
        roots.load().unwrap_err().to_string()
    }

    #[test]
    fn a_file_without_authorities_is_named() {
        let missing = Roots { file: Some("/nowhere/ca.pem".into()), ..Roots::default() };
        assert!(problem(&missing).starts_with("/nowhere/ca.pem cannot be used: "));
        let empty = Roots { file: Some("/dev/null".into()), ..Roots::default() };
        assert_eq!(problem(&empty), "/dev/null holds no certificate");
        assert!(problem(&Roots::default()).contains("tlsCAFile"));
    }
}
