//! Takes the port, or says in one line why not.

use std::io;

use thiserror::Error;
use tokio::net::TcpListener;

/// Why a port cannot be listened on.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another program has it, or another copy of this one.
    #[error("port {port} is in use (listening on {host})")]
    InUse {
        /// The host as configured.
        host: String,
        /// The port as configured.
        port: u16,
    },
    /// The host is no address of this machine, the port needs privileges, and so on.
    #[error("cannot listen on {host}:{port}: {cause}")]
    Refused {
        /// The host as configured.
        host: String,
        /// The port as configured.
        port: u16,
        /// What the operating system says.
        cause: io::Error,
    },
}

/// Listens on `host` (a name or an address, IPv6 with or without brackets) and `port`; 0 takes
/// any free one.
pub async fn bind(host: &str, port: u16) -> Result<TcpListener, BindError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    TcpListener::bind((bare, port)).await.map_err(|cause| {
        let host = host.to_owned();
        match cause.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { host, port },
            _ => BindError::Refused { host, port, cause },
        }
    })
}
