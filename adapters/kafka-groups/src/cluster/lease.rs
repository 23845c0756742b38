//! Connections on loan.

use std::ops::{Deref, DerefMut};

use super::Cluster;
use crate::connection::Connection;

/// A connection on loan; it goes back to its pool when dropped, unless it broke.
#[derive(Debug)]
pub struct Lease {
    cluster: Cluster,
    /// There until dropped.
    connection: Option<Connection>,
}

impl Lease {
    pub(super) fn new(cluster: Cluster, connection: Connection) -> Self {
        Self { cluster, connection: Some(connection) }
    }

    /// The cluster that it belongs to.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a lease has its connection until it is dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a lease has its connection until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.cluster.give_back(connection);
        }
    }
}
