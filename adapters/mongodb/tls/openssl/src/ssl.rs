//! The client's side of TLS, up to where the bytes flow.

use std::fmt;
use std::io;

mod builder;
mod connector;

pub use builder::SslConnectorBuilder;
pub use connector::{ConnectConfiguration, Ssl, SslConnector};

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
    use std::path::{Path, PathBuf};

    use super::builder::UNCHECKED_CERTIFICATES;
    use super::connector::UNCHECKED_HOST_NAMES;
    use super::*;

    fn builder() -> SslConnectorBuilder {
        SslConnector::builder(SslMethod::tls_client()).unwrap()
    }

    /// One of the files in `tls/papers`, whose `make` says what they are.
    fn paper(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../papers").join(name)
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
        let mut builder = builder();
        builder.load_verify_locations(Some(&paper("ca.pem")), None).unwrap();
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
        // It is not there, or does not hold what is asked for.
        let (missing, key) = (Path::new("/nowhere/client.pem"), paper("server.key"));
        for wrong in [missing, &key] {
            assert!(builder().set_ca_file(wrong).is_err());
            assert!(builder().set_certificate_file(wrong, SslFiletype::PEM).is_err());
        }
        for wrong in [missing, &paper("ca.pem")] {
            assert!(builder().set_private_key_file(wrong, SslFiletype::PEM).is_err());
        }
    }

    #[test]
    fn a_certificate_and_its_key_go_together() {
        for (file, fits) in [("client.pem", true), ("mixed.pem", false)] {
            let mut builder = builder();
            builder.set_certificate_file(paper(file), SslFiletype::PEM).unwrap();
            let key = builder.set_private_key_file(paper(file), SslFiletype::PEM);
            assert_eq!(key.is_ok(), fits, "{file}: {key:?}");
        }
    }
}
