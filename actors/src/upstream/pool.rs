//! The idle connections, by destination and HTTP version. No I/O here.
//!
//! A connection is reused only for the very destination that it was verified for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use policy::destination::host::Destination;
use rustls::ClientConfig;
use rustls::client::Resumption;

use super::client::ClientId;
use super::connection::Connection;
use super::route::Offer;
use crate::limits;

/// The HTTP versions that a destination was found to support.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Speaks {
    /// Both, or not known yet: each client gets its own version.
    #[default]
    Both,
    /// HTTP/1.1 alone, though HTTP/2 was offered.
    Http1Only,
    /// HTTP/2 alone: it refused an offer of HTTP/1.1.
    Http2Only,
}

/// All known destinations.
#[derive(Debug, Default)]
pub(super) struct Pool {
    destinations: HashMap<Destination, Known>,
}

/// One destination.
#[derive(Debug)]
struct Known {
    used: Instant,
    /// Idle HTTP/1.1 connections, the latest last.
    idle: Vec<(Connection, Instant)>,
    /// HTTP/2 connections, each for many concurrent requests.
    shared: Vec<Shared>,
    speaks: Speaks,
    tls: HashMap<Offer, Arc<ClientConfig>>,
}

/// An HTTP/2 connection, and the client that uses it.
#[derive(Debug)]
struct Shared {
    connection: Connection,
    /// None once that client has disconnected: its exchanges may end a moment later.
    client: Option<ClientId>,
    used: Instant,
}

impl Shared {
    fn has_room_for(&self, client: ClientId) -> bool {
        let has_room = self.connection.uses() < limits::STREAMS_PER_UPSTREAM_MAX;
        self.connection.is_free() || (self.client == Some(client) && has_room)
    }

    /// Whether only a later client can use it again.
    fn is_spare(&self) -> bool {
        self.client.is_none() || self.connection.is_free()
    }
}

impl Known {
    fn new(now: Instant) -> Self {
        Self { used: now, idle: Vec::new(), shared: Vec::new(), speaks: Speaks::default(), tls: HashMap::new() }
    }

    fn is_unused(&self) -> bool {
        self.idle.is_empty() && self.shared.is_empty()
    }
}

impl Pool {
    /// A connection that can send a request at once.
    pub(super) fn take(&mut self, destination: &Destination, offer: Offer, client: ClientId) -> Option<Connection> {
        let known = self.destinations.get_mut(destination).filter(|_| offer != Offer::Passthrough)?;
        if offer == Offer::Http2 || known.speaks == Speaks::Http2Only {
            known.shared.retain(|shared| shared.connection.is_ready());
            if let Some(free) = known.shared.iter_mut().find(|shared| shared.has_room_for(client)) {
                (free.client, free.used) = (Some(client), Instant::now());
                return free.connection.share();
            }
            // An HTTP/1.1 connection would do for most requests, but gRPC needs HTTP/2.
            if known.speaks != Speaks::Http1Only {
                return None;
            }
        }
        while let Some((connection, _)) = known.idle.pop() {
            if connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection that has finished its request. Shared ones are in the pool already.
    pub(super) fn park(&mut self, connection: Connection, now: Instant) {
        let known = self.known(&connection.destination, now);
        known.used = now;
        let usable = connection.is_ready() && !connection.holds_wiped();
        if !connection.is_http2() && usable && known.idle.len() < limits::IDLE_PER_DESTINATION_MAX {
            known.idle.push((connection, now));
        }
    }

    /// Keeps a fresh HTTP/2 connection for others to share.
    pub(super) fn share(&mut self, connection: &Connection, client: ClientId, now: Instant) {
        if let Some(connection) = connection.share() {
            let known = self.known(&connection.destination, now);
            known.shared.push(Shared { connection, client: Some(client), used: now });
        }
    }

    /// Remembers the versions that a destination supports.
    pub(super) fn learn(&mut self, destination: &Destination, speaks: Speaks) {
        self.known(destination, Instant::now()).speaks = speaks;
    }

    /// The versions that a destination was found to support.
    pub(super) fn speaks(&self, destination: &Destination) -> Speaks {
        self.destinations.get(destination).map(|known| known.speaks).unwrap_or_default()
    }

    /// The TLS settings of one destination: sessions are never resumed with another.
    pub(super) fn tls(&mut self, destination: &Destination, offer: Offer, base: &ClientConfig) -> Arc<ClientConfig> {
        let known = self.known(destination, Instant::now());
        let fresh = || {
            let mut config = base.clone();
            config.resumption = Resumption::in_memory_sessions(limits::TLS_SESSIONS_PER_DESTINATION);
            config.alpn_protocols = match offer {
                Offer::Http1 | Offer::Passthrough => vec![b"http/1.1".to_vec()],
                Offer::Http2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            };
            Arc::new(config)
        };
        known.tls.entry(offer).or_insert_with(fresh).clone()
    }

    /// Closes connections that have been idle for too long or are no longer usable.
    pub(super) fn sweep(&mut self, now: Instant) {
        let fresh = |used: &Instant| now.duration_since(*used) < limits::UPSTREAM_IDLE_TIMEOUT;
        for known in self.destinations.values_mut() {
            known.idle.retain(|(connection, used)| connection.is_ready() && fresh(used));
            known
                .shared
                .retain(|shared| shared.connection.is_ready() && (!shared.connection.is_free() || fresh(&shared.used)));
        }
    }

    /// A client has disconnected. Of the HTTP/2 connections without a client, one is kept for the next client.
    pub(super) fn release(&mut self, destination: &Destination, client: ClientId) {
        let Some(known) = self.destinations.get_mut(destination) else { return };
        let is_theirs = |shared: &Shared| shared.client == Some(client);
        let mut spares = known.shared.iter().filter(|shared| !is_theirs(shared) && shared.is_spare()).count();
        known.shared.retain_mut(|shared| {
            if !is_theirs(shared) {
                return true;
            }
            // Its exchanges end with the client.
            shared.client = None;
            spares += 1;
            spares == 1
        });
    }

    /// Closes every idle connection: their permits are needed.
    pub(super) fn close_idle(&mut self) {
        for known in self.destinations.values_mut() {
            known.idle.clear();
            known.shared.retain(|shared| !shared.connection.is_free());
        }
    }

    /// Closes idle connections whose buffers may hold a wiped value.
    pub(super) fn forget_secrets(&mut self) {
        for known in self.destinations.values_mut() {
            known.idle.retain(|(connection, _)| !connection.holds_wiped());
            known.shared.retain(|shared| !shared.connection.holds_wiped());
        }
    }

    fn known(&mut self, destination: &Destination, now: Instant) -> &mut Known {
        if self.destinations.len() >= limits::DESTINATIONS_MAX && !self.destinations.contains_key(destination) {
            self.evict();
        }
        self.destinations.entry(destination.clone()).or_insert_with(|| Known::new(now))
    }

    /// Evicts the destination that has been unused for the longest time.
    fn evict(&mut self) {
        let oldest = self.destinations.iter().min_by_key(|(_, known)| (!known.is_unused(), known.used));
        if let Some(oldest) = oldest.map(|(destination, _)| destination.clone()) {
            self.destinations.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::io::{DuplexStream, duplex};
    use tokio_util::task::AbortOnDropHandle;

    use super::super::connection::{Sender, Wipes};
    use super::super::connection_limit::ConnectionLimit;
    use super::*;
    use crate::supervision::tasks::Tasks;

    /// An HTTP/2 connection, and the server's end of it.
    async fn http2(destination: &Destination) -> (Connection, DuplexStream) {
        let (tasks, guard) = Tasks::guarded();
        let (stream, server) = duplex(64 * 1024);
        let handshake = hyper::client::conn::http2::handshake(tasks, TokioIo::new(stream)).await;
        let (sender, connection) = handshake.expect("it needs no answer");
        let driver = Arc::new(AbortOnDropHandle::new(tokio::spawn(async move {
            let _guard = guard;
            let _ = connection.await;
        })));
        let sender = Sender::Http2 { sender, driver };
        let permit = ConnectionLimit::new(1).request(ClientId::next()).granted().await.expect("a permit");
        (Connection::new(destination.clone(), sender, Wipes::default(), permit).expect("legal"), server)
    }

    #[tokio::test]
    async fn one_connection_is_kept_of_clients_that_have_gone_though_their_exchanges_end_later() {
        let (mut pool, destination) = (Pool::default(), Destination::from_connect("a.example:443").expect("legal"));
        let clients = [ClientId::next(), ClientId::next(), ClientId::next()];
        let (mut in_use, mut servers) = (Vec::new(), Vec::new());
        for client in clients {
            let (connection, server) = http2(&destination).await;
            pool.share(&connection, client, Instant::now());
            in_use.push(connection);
            servers.push(server);
        }
        clients.iter().for_each(|client| pool.release(&destination, *client));
        assert_eq!(pool.destinations[&destination].shared.len(), 1, "nobody will ask for the others");
        let next = ClientId::next();
        assert!(pool.take(&destination, Offer::Http2, next).is_none(), "its last exchange has not ended");
        drop(in_use);
        assert!(pool.take(&destination, Offer::Http2, next).is_some());
    }
}
