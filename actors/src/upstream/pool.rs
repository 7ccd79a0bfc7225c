//! The idle connections, by destination and HTTP version. No I/O here.
//!
//! A connection is reused only for the very destination that it was verified for.

mod known;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use policy::destination::host::Destination;
use rustls::ClientConfig;
use rustls::client::Resumption;

pub(crate) use self::known::Speaks;
use self::known::{Known, Shared, is_fresh};
use super::client::ClientId;
use super::clock_jump::ClockJump;
use super::connection::Connection;
use super::route::{Need, Offer};
use crate::limits;

/// All known destinations.
#[derive(Debug, Default)]
pub(super) struct Pool {
    destinations: HashMap<Destination, Known>,
    clocks: ClockJump,
}

impl Pool {
    /// A connection that can send a request at once.
    pub(super) fn take(&mut self, destination: &Destination, need: &Need, client: ClientId) -> Option<Connection> {
        let now = Instant::now();
        self.look_at_clocks(now);
        let known = self.destinations.get_mut(destination).filter(|_| need.offer != Offer::Passthrough)?;
        if need.offer == Offer::Http2 || known.speaks == Speaks::Http2Only {
            if let Some(shared) = known.take_shared(need, client) {
                return Some(shared);
            }
            // An HTTP/1.1 connection would do for most requests, but gRPC needs HTTP/2.
            if known.speaks != Speaks::Http1Only {
                return None;
            }
        }
        known.take_idle(need, client, now)
    }

    /// Keeps a connection that has finished its request. Shared ones are in the pool already.
    pub(super) fn park(&mut self, connection: Connection, now: Instant) {
        let known = self.known(connection.destination(), now);
        known.used = now;
        let usable = connection.is_ready() && !connection.holds_wiped();
        let idle = if connection.is_bound() { &mut known.bound } else { &mut known.idle };
        if !connection.is_http2() && usable && idle.len() < limits::IDLE_PER_DESTINATION_MAX {
            idle.push((connection, now));
        }
    }

    /// After sleep, the network may be another one: the connections of before serve no further request.
    fn look_at_clocks(&mut self, now: Instant) {
        if self.clocks.has_happened(now, SystemTime::now()) {
            for known in self.destinations.values_mut() {
                known.idle.clear();
                known.bound.clear();
                known.shared.iter().for_each(|shared| shared.connection.retire());
                known.shared.clear();
            }
        }
    }

    /// Keeps a fresh HTTP/2 connection for others to share.
    pub(super) fn share(&mut self, connection: &Connection, client: ClientId, now: Instant) {
        if let Some(connection) = connection.share() {
            let known = self.known(connection.destination(), now);
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
        self.look_at_clocks(now);
        let fresh = |used: &Instant| now.duration_since(*used) < limits::UPSTREAM_IDLE_TIMEOUT;
        for known in self.destinations.values_mut() {
            known.idle.retain(|idle| is_fresh(idle, now));
            known.bound.retain(|idle| is_fresh(idle, now));
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
            spares += usize::from(!shared.connection.is_bound());
            spares == 1 && !shared.connection.is_bound()
        });
        known.bound.retain(|(connection, _)| connection.client != client);
    }

    /// Closes every idle connection: their permits are needed.
    pub(super) fn close_idle(&mut self) {
        for known in self.destinations.values_mut() {
            known.idle.clear();
            known.bound.clear();
            known.shared.retain(|shared| !shared.connection.is_free());
        }
    }

    /// Closes idle connections whose buffers may hold a wiped value.
    pub(super) fn forget_secrets(&mut self) {
        for known in self.destinations.values_mut() {
            known.idle.retain(|(connection, _)| !connection.holds_wiped());
            known.bound.retain(|(connection, _)| !connection.holds_wiped());
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
mod tests;
