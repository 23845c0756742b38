//! Takes the port, or says in one line why not.

use std::io;

use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, lookup_host};

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

/// How many connections the kernel keeps until they are accepted, as far as it is willing to: it
/// drops more than that, and whoever was dropped tries again only after a second.
const BACKLOG: u32 = 4_096;

/// What the kernel keeps of an answer that the client has not taken yet, in bytes; Linux makes it twice
/// that. By itself it keeps some megabytes, and tells of room only when a third of them is gone: a
/// client that takes 100 KB a second would seem to take nothing for longer than
/// [`Limits::write_time`](super::Limits::write_time).
const SEND_BUFFER: u32 = 256 * 1024;

/// Listens on `host` (a name or an address, IPv6 with or without brackets) and `port`; 0 takes
/// any free one.
pub async fn bind(host: &str, port: u16) -> Result<TcpListener, BindError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    listen(bare, port).await.map_err(|cause| {
        let host = host.to_owned();
        match cause.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { host, port },
            _ => BindError::Refused { host, port, cause },
        }
    })
}

/// Listens on the first of the host's addresses that can be had.
async fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut refused = io::ErrorKind::AddrNotAvailable.into();
    for address in lookup_host((host, port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // As every listener does: a port is free again as soon as its program has ended.
        socket.set_reuseaddr(true)?;
        // Connections have it from their listener.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
