//! Settings of the listener.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Settings of the listener.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Addresses to listen on; never empty.
    pub listen: Vec<Listen>,
    /// Maximum concurrent client connections.
    pub sessions_max: usize,
}

/// An address to listen on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listen {
    /// A TCP address; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A Unix socket, made with mode 0600.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
