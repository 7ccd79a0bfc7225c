//! The scope of an exchange: its destination, client and peers.

use std::sync::Arc;

use policy::destination::host::Destination;

use super::refusals::Refusals;
use super::upgrade::{Handover, Upgraded};
use crate::audit::AuditHandle;
use crate::secret_store::SecretStoreHandle;
use crate::upstream::{ClientId, UpstreamHandle};
use crate::wire::activity::Activity;
use crate::wire::interim::Interims;
use crate::wire::place::Place;

/// The owners that an exchange asks.
pub(crate) struct Peers {
    pub(crate) secret_store: SecretStoreHandle,
    pub(crate) upstream: UpstreamHandle,
    pub(crate) audit: AuditHandle,
}

/// Fixed before the first request is read.
pub(crate) struct Scope {
    pub(crate) client: ClientId,
    pub(crate) destination: Destination,
    pub(crate) form: TargetForm,
    /// Whether the TLS server name, if one was sent, is the destination's host.
    pub(crate) server_name_agrees: bool,
    pub(crate) peers: Arc<Peers>,
    /// Set by a request that was answered with 101.
    pub(crate) upgraded: Handover<Upgraded>,
    pub(crate) refusals: Refusals,
    /// The way of interim responses to an HTTP/1.1 client.
    pub(crate) interims: Interims,
    pub(crate) activity: Arc<Activity>,
    pub(crate) place: Arc<Place>,
}

/// How requests name their target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TargetForm {
    /// By path, inside a tunnel.
    InTunnel,
    /// By absolute URI, on the port itself.
    AbsoluteUri,
    /// Not at all: the tunnel is passed through.
    Passthrough,
}

impl Drop for Scope {
    fn drop(&mut self) {
        if self.form == TargetForm::InTunnel {
            self.peers.upstream.release(self.client, self.destination.clone());
        }
    }
}
