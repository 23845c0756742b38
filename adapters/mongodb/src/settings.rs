//! Where the server is, and how long to wait for it.

use std::fmt;
use std::time::Duration;

use mongodb::options::{ClientOptions, ConnectionString, Tls, TlsOptions, WriteConcern};
use openssl::ssl::{SslConnector, SslFiletype, SslMethod};
use thiserror::Error;

/// How long a request waits for a server to be found or connected to. The driver's own 30 s would
/// outlast any caller.
const REACHED_WITHIN: Duration = Duration::from_secs(2);

/// Connections to each server. Writes go one command at a time, so reads are what needs more.
const MOST_CONNECTIONS: u32 = 16;

/// Where the server is, and how long to wait for it.
#[derive(Clone)]
pub struct Settings {
    /// A connection string, `mongodb://` or `mongodb+srv://`. What it says of time-outs, connections
    /// and write concern comes before the defaults here: 2 s to find a server and to connect, 16
    /// connections, `w=majority` and `journal=true`.
    pub uri: String,
    /// What the names of the databases begin with; may be empty.
    pub prefix: String,
    /// After how long a call is given up.
    pub deadline: Duration,
}

impl Settings {
    /// Settings with the default deadline of 5 s.
    pub fn new(uri: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { uri: uri.into(), prefix: prefix.into(), deadline: Duration::from_secs(5) }
    }

    /// Checks that a text can begin the names of databases, for whoever uses the same prefix
    /// elsewhere.
    ///
    /// # Errors
    /// [`InvalidSettings::Prefix`] if it cannot.
    pub fn check_prefix(prefix: &str) -> Result<(), InvalidSettings> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        let fits = prefix.len() <= 30 && prefix.bytes().all(legal);
        if fits { Ok(()) } else { Err(InvalidSettings::Prefix) }
    }

    /// Checks what can be checked without a server.
    pub(crate) fn check(&self) -> Result<(), InvalidSettings> {
        Self::check_prefix(&self.prefix)?;
        let uri = ConnectionString::parse(&self.uri).map_err(InvalidSettings::Uri)?;
        if uri.write_concern.as_ref().is_some_and(is_unacknowledged) {
            return Err(InvalidSettings::Unacknowledged);
        }
        match &uri.tls {
            Some(Tls::Enabled(tls)) => check_tls(tls),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The connection string may hold a password.
        f.debug_struct("Settings")
            .field("uri", &"***")
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .finish()
    }
}

/// Why nothing can be done with the settings.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// It is no connection string.
    #[error("the connection string of MongoDB cannot be used")]
    Uri(#[source] mongodb::error::Error),
    /// The prefix cannot begin a database's name.
    #[error("the prefix of databases has at most 30 letters, digits or _ -")]
    Prefix,
    /// `w=0`: nobody would know whether anything is stored.
    #[error("writes must be acknowledged: w=0 cannot be used")]
    Unacknowledged,
    /// An option that would let anybody pass for the server.
    #[error("{0} cannot be used: the server is always checked; name its authority with tlsCAFile")]
    Unchecked(&'static str),
    /// TLS cannot be spoken on this machine.
    #[error("TLS cannot be used")]
    Tls(#[source] openssl::error::ErrorStack),
}

fn is_unacknowledged(concern: &WriteConcern) -> bool {
    concern.w == Some(mongodb::options::Acknowledgment::Nodes(0))
}

fn check_tls(tls: &TlsOptions) -> Result<(), InvalidSettings> {
    match (tls.allow_invalid_certificates, tls.allow_invalid_hostnames) {
        (Some(true), Some(true)) => return Err(InvalidSettings::Unchecked("tlsInsecure")),
        (Some(true), _) => {
            return Err(InvalidSettings::Unchecked("tlsAllowInvalidCertificates"));
        }
        (_, Some(true)) => return Err(InvalidSettings::Unchecked("tlsAllowInvalidHostnames")),
        _ => {}
    }
    // What is missing on this machine, or in the file, is better told now than at the first request.
    let mut builder =
        SslConnector::builder(SslMethod::tls_client()).map_err(InvalidSettings::Tls)?;
    if let Some(file) = &tls.ca_file_path {
        builder.set_ca_file(file).map_err(InvalidSettings::Tls)?;
    }
    if let Some(file) = &tls.cert_key_file_path {
        builder.set_certificate_file(file, SslFiletype::PEM).map_err(InvalidSettings::Tls)?;
        builder.set_private_key_file(file, SslFiletype::PEM).map_err(InvalidSettings::Tls)?;
    }
    Ok(())
}

/// Puts the defaults where the connection string says nothing.
pub(crate) fn complete(options: &mut ClientOptions, deadline: Duration) {
    options.app_name.get_or_insert_with(|| "comptoir".to_owned());
    options.server_selection_timeout.get_or_insert(REACHED_WITHIN);
    options.connect_timeout.get_or_insert(REACHED_WITHIN);
    options.max_pool_size.get_or_insert(MOST_CONNECTIONS);
    // Whether a save took place is decided by what the primary says.
    options.selection_criteria = None;
    let concern = options.write_concern.get_or_insert_with(|| {
        let mut concern = WriteConcern::majority();
        concern.journal = Some(true);
        concern
    });
    concern.w_timeout.get_or_insert(deadline);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(uri: &str, prefix: &str) -> String {
        Settings::new(uri, prefix).check().unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_work_is_refused() {
        assert!(Settings::new("mongodb://127.0.0.1", "shop-1_").check().is_ok());
        assert!(refused("postgres://127.0.0.1", "").contains("connection string"));
        assert!(refused("mongodb://127.0.0.1", "a/b").contains("prefix"));
        assert!(refused("mongodb://127.0.0.1/?w=0", "").contains("w=0"));
    }

    #[test]
    fn the_files_of_tls_are_read_at_the_start() {
        let papers = concat!(env!("CARGO_MANIFEST_DIR"), "/tls/papers");
        let with = |option: &str, file: &str| {
            let uri = format!("mongodb://h/?tls=true&{option}={papers}/{file}");
            Settings::new(uri, "").check()
        };
        for (option, file) in [("tlsCAFile", "ca.pem"), ("tlsCertificateKeyFile", "client.pem")] {
            assert!(with(option, file).is_ok(), "{file}");
        }
        // It is not there, holds no certificate, holds no key, or one that belongs to another.
        let wrong = ["nowhere.pem", "server.key", "ca.pem", "mixed.pem"];
        for (option, files) in [("tlsCAFile", &wrong[..2]), ("tlsCertificateKeyFile", &wrong)] {
            for file in files {
                let refused = with(option, file);
                assert!(matches!(refused, Err(InvalidSettings::Tls(_))), "{file}: {refused:?}");
            }
        }
    }

    #[test]
    fn the_server_is_always_checked() {
        for option in ["tlsInsecure", "tlsAllowInvalidCertificates"] {
            let refused = refused(&format!("mongodb://h/?tls=true&{option}=true"), "");
            assert!(refused.starts_with(option), "{refused}");
        }
        // The driver knows this one only as a field.
        refused("mongodb://h/?tls=true&tlsAllowInvalidHostnames=true", "");
        let tls = TlsOptions::builder().allow_invalid_hostnames(true).build();
        let refused = check_tls(&tls).unwrap_err().to_string();
        assert!(refused.starts_with("tlsAllowInvalidHostnames"), "{refused}");
    }

    #[test]
    fn the_password_does_not_show() {
        let settings = Settings::new("mongodb://me:secret@h", "p");
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[tokio::test]
    async fn the_connection_string_comes_before_the_defaults() {
        let deadline = Duration::from_secs(5);
        let mut options = ClientOptions::parse("mongodb://h").await.unwrap();
        complete(&mut options, deadline);
        assert_eq!(options.server_selection_timeout, Some(REACHED_WITHIN));
        let concern = options.write_concern.unwrap();
        assert_eq!((concern.journal, concern.w_timeout), (Some(true), Some(deadline)));
        let uri = "mongodb://h/?serverSelectionTimeoutMS=7000&maxPoolSize=3&w=1";
        let mut options = ClientOptions::parse(uri).await.unwrap();
        complete(&mut options, deadline);
        assert_eq!(options.server_selection_timeout, Some(Duration::from_secs(7)));
        assert_eq!(options.max_pool_size, Some(3));
        assert_eq!(options.write_concern.unwrap().journal, None);
    }
}
