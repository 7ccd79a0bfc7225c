//! Tunnels that are passed through byte for byte.
//!
//! Their content is not inspected. Their CONNECT is answered after the server is connected: a refusal could not be sent inside the tunnel.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response};
use tracing::warn;

use super::failure::Failure;
use super::response_body::ResponseBody;
use super::scope::Scope;
use super::{Exchange, upgrade};
use crate::upstream::{Offer, Passthrough, Reservation};
use crate::wire::ByteStream;
use crate::wire::prefixed::Prefixed;

/// Connects, or gives the answer to a CONNECT that failed. `target` is the path of its URI.
pub(crate) async fn open(scope: Arc<Scope>, target: &str) -> Result<Passthrough, Response<ResponseBody>> {
    let mut exchange = Exchange::new(scope, Method::CONNECT, target);
    match exchange.open_passthrough().await {
        Ok(passthrough) => Ok(passthrough),
        Err(failure) => Err(exchange.fail(failure).await),
    }
}

impl Exchange {
    /// Reserve, record, connect. The record is one of a permitted request, and has its pace.
    async fn open_passthrough(&mut self) -> Result<Passthrough, Failure> {
        let scope = self.scope.clone();
        let peers = &scope.peers;
        let Reservation::Route(route) = self.reserve(self.need(Offer::Passthrough)).await? else {
            return Err(Failure::Malformed);
        };
        // No secret is sent: the tunnel is opened although it cannot be recorded.
        self.recorded = peers.audit.permit(self.attempted(None)).await.is_ok();
        if !self.recorded {
            peers.audit.count_unrecorded();
            warn!(id = %self.id, destination = %scope.destination, "tunnel not recorded");
        }
        let passthrough = peers.upstream.dial_passthrough(route, self.patience()).await??;
        self.settled = true;
        Ok(passthrough)
    }
}

/// Copies bytes both ways until both ends have finished. `first` is what the client sent early.
pub(crate) async fn copy<S: ByteStream>(first: Bytes, client: S, passthrough: Passthrough) {
    let Passthrough { stream, permit } = passthrough;
    tokio::select! {
        biased;
        () = upgrade::copy_both(Prefixed::new(&first, client), stream) => {}
        () = permit.gives_way() => {}
    }
}
