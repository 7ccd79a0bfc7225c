//! Tunnels that are passed through byte for byte: nothing in them is looked at, and nothing put in.
//!
//! Their CONNECT is answered when the server is connected: there is no inside to tell a refusal in.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use policy::destination::allowlist::Allowlist;
use policy::destination::host::{Destination, Scheme};
use tracing::warn;

use super::recording::Ending;
use super::{Exchange, response};
use crate::session::{ByteStream, Path, Peers};
use crate::settings::Intercept;
use crate::upstream::{Lane, Offer, Passage};
use crate::wire::prefixed::Prefixed;
use crate::wire::request_body::ResponseBody;

impl Peers {
    /// Whether a tunnel to there is passed through. While it is not known where secrets may go, it could
    /// be any of them.
    pub(crate) fn passes_through(&self, destination: &Destination) -> bool {
        // Whatever turns out to be spoken in it.
        let clear = destination.with_scheme(Scheme::Http);
        let is_listed = |listed: &Arc<Allowlist>| listed.allows(destination) || listed.allows(&clear);
        let listed = || self.listed.borrow().as_ref().is_none_or(is_listed);
        self.passthrough.allows(destination) || (self.intercept == Intercept::Listed && !listed())
    }
}

/// Connects, or gives the answer that says why not.
pub(crate) async fn open(path: Arc<Path>, request: &Request<Incoming>) -> Result<Passage, Response<ResponseBody>> {
    let mut exchange = Exchange::new(path, Method::CONNECT, request.uri().path());
    match exchange.pass().await {
        Ok(passage) => Ok(passage),
        Err(ending) => Err(exchange.end(ending).await),
    }
}

impl Exchange {
    /// Find a way, record, connect.
    async fn pass(&mut self) -> Result<Passage, Ending> {
        let upstream = self.path.peers.upstream.clone();
        // Each is a record.
        self.path.refusals.turns(&self.path.peers.passages, self.turns()).await;
        let Lane::Route(route) = self.reserve(Offer::Bytes).await? else { return Err(Ending::Malformed) };
        // There is no secret in it: a record that cannot be written is no reason to refuse.
        self.recorded = self.path.peers.audit.append(self.entry(None)).await.is_ok();
        if !self.recorded {
            self.path.peers.audit.count_unrecorded();
            warn!(id = %self.id, destination = %self.path.destination, "a tunnel is not recorded");
        }
        let passage = upstream.pass(route, self.patience()).await??;
        self.settled = true;
        Ok(passage)
    }
}

/// Copies bytes both ways until both ends are done. `first` are those that the client sent early.
pub(crate) async fn copy<S: ByteStream>(first: Bytes, client: S, passage: Passage) {
    let Passage { stream, place: _place } = passage;
    response::copy_both(Prefixed::new(&first, client), stream).await;
}
