//! The path of a connection: its two addresses, and whether the network still leads from one to the other.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// The two ends of a TCP connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    local: IpAddr,
    peer: SocketAddr,
}

impl Path {
    pub(super) fn new(local: SocketAddr, peer: SocketAddr) -> Self {
        Self { local: local.ip(), peer }
    }

    /// Whether a new connection would take the same path. After a change of network it would not, or there is none: then
    /// the old one is dead, though nothing has said so. Costs a few calls of the system, and no packet.
    pub(super) fn is_current(&self) -> bool {
        self.source().is_ok_and(|source| source == self.local)
    }

    /// The address that a new connection would have. Connecting a datagram socket only asks for the route.
    fn source(&self) -> io::Result<IpAddr> {
        let any: IpAddr = match self.peer {
            SocketAddr::V4(_) => [0; 4].into(),
            SocketAddr::V6(_) => [0; 16].into(),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.connect(self.peer)?;
        Ok(socket.local_addr()?.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_paths() {
        let path = |local: &str, peer: &str| {
            Path::new(SocketAddr::new(local.parse().expect("an address"), 1), peer.parse().expect("an address"))
        };
        assert!(path("127.0.0.1", "127.0.0.1:443").is_current());
        assert!(!path("192.0.2.1", "127.0.0.1:443").is_current(), "the address is another one now");
        assert!(!path("192.0.2.1", "255.255.255.255:443").is_current(), "there is no route");
    }
}
