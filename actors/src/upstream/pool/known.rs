//! The connections to one destination, and what is known of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::limits;
use crate::upstream::client::ClientId;
use crate::upstream::connection::Connection;
use crate::upstream::keeping::{Keeping, Manners};
use crate::upstream::route::{Need, Offer};

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

/// One destination.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) used: Instant,
    /// Idle HTTP/1.1 connections, the latest last.
    pub(super) idle: Vec<(Connection, Instant)>,
    /// Idle ones that their server takes for one client.
    pub(super) bound: Vec<(Connection, Instant)>,
    /// HTTP/2 connections, each for many concurrent requests.
    pub(super) shared: Vec<Shared>,
    /// The concurrent streams that the server was found to allow on one connection.
    pub(super) streams_max: usize,
    pub(super) keeping: Arc<Keeping>,
    pub(super) speaks: Speaks,
    pub(super) tls: HashMap<Offer, Arc<ClientConfig>>,
}

/// An HTTP/2 connection, and the client that uses it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) connection: Connection,
    /// None once that client has disconnected: its exchanges may end a moment later.
    pub(super) client: Option<ClientId>,
    pub(super) used: Instant,
}

impl Shared {
    fn has_room_for(&self, client: ClientId, need: &Need, streams_max: usize) -> bool {
        let is_theirs = self.client == Some(client);
        let is_new_enough = need.made_after.is_none_or(|failed| self.connection.made() > failed);
        let has_room = is_theirs && self.connection.has_room(streams_max);
        is_new_enough && (is_theirs || !self.connection.is_bound()) && (self.connection.is_free() || has_room)
    }

    /// Whether only a later client can use it again.
    pub(super) fn is_spare(&self) -> bool {
        self.client.is_none() || self.connection.is_free()
    }
}

impl Known {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            used: now,
            idle: Vec::new(),
            bound: Vec::new(),
            shared: Vec::new(),
            streams_max: limits::STREAMS_PER_UPSTREAM_MAX,
            keeping: Arc::default(),
            speaks: Speaks::default(),
            tls: HashMap::new(),
        }
    }

    pub(super) fn is_unused(&self) -> bool {
        self.idle.is_empty() && self.bound.is_empty() && self.shared.is_empty()
    }

    pub(super) fn take_shared(&mut self, need: &Need, client: ClientId) -> Option<Connection> {
        self.shared.retain(|shared| shared.connection.is_ready());
        for shared in &self.shared {
            let allowed = shared.connection.streams_max();
            // The same number stands for a limit that is not known yet.
            if allowed != limits::STREAMS_PER_UPSTREAM_MAX {
                self.streams_max = allowed.clamp(1, limits::STREAMS_PER_UPSTREAM_MAX);
            }
        }
        let has_room = |shared: &Shared| shared.has_room_for(client, need, self.streams_max);
        let at = self.shared.iter().position(has_room)?;
        if self.shared.get(at).is_some_and(|shared| !is_on_path(&shared.connection, shared.used, Instant::now())) {
            // The streams on it go on until the system finds that out.
            self.shared.remove(at).connection.retire();
            return None;
        }
        let free = self.shared.get_mut(at)?;
        (free.client, free.used, free.connection.client) = (Some(client), Instant::now(), client);
        free.connection.share()
    }

    /// A connection of the client's own, or the one that became idle last.
    pub(super) fn take_idle(&mut self, need: &Need, client: ClientId, now: Instant) -> Option<Connection> {
        let is_new_enough = |connection: &Connection| need.made_after.is_none_or(|failed| connection.made() > failed);
        let is_theirs = |(connection, _): &(Connection, Instant)| connection.client == client;
        let theirs = self.bound.iter().position(|idle| is_theirs(idle) && is_new_enough(&idle.0));
        let is_usable = |idle: &(Connection, Instant)| is_fresh(idle, now) && is_on_path(&idle.0, idle.1, now);
        if let Some(theirs) = theirs.map(|at| self.bound.swap_remove(at)).filter(is_usable) {
            return Some(self.hand_out(theirs, client));
        }
        // An unknown destination is given time on the connection itself.
        let closes_early = self.keeping.manners(now) == Manners::ClosesEarly;
        let idle_min = if closes_early && !need.is_idempotent { limits::CLOSED_EARLY } else { Duration::ZERO };
        for at in (0..self.idle.len()).rev() {
            let idle = self.idle.get(at)?;
            let idle_for = now.saturating_duration_since(idle.1);
            if !is_fresh(idle, now) {
                let (connection, since) = self.idle.remove(at);
                if connection.is_closed() {
                    self.keeping.note_close(since, now);
                }
            } else if idle_for >= idle_min && is_new_enough(&idle.0) {
                let idle = self.idle.remove(at);
                if is_on_path(&idle.0, idle.1, now) {
                    return Some(self.hand_out(idle, client));
                }
            }
        }
        None
    }

    fn hand_out(&self, (mut connection, since): (Connection, Instant), client: ClientId) -> Connection {
        connection.client = client;
        connection.idle = Some((since, self.keeping.clone()));
        connection
    }
}

/// Whether an idle connection can serve a request, as far as is known.
pub(super) fn is_fresh((connection, since): &(Connection, Instant), now: Instant) -> bool {
    let kept_for = connection.kept_for.min(limits::UPSTREAM_IDLE_TIMEOUT);
    connection.is_ready() && now.saturating_duration_since(*since) < kept_for
}

/// Whether a connection that was used at this time leads to its server still. One in constant use shows it by that.
fn is_on_path(connection: &Connection, used: Instant, now: Instant) -> bool {
    now.saturating_duration_since(used) < limits::PATH_TRUSTED || connection.is_on_path()
}
