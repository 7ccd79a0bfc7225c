//! The child list: a slot, a handle and a line for each owner.

use std::sync::Arc;

use ractor::ActorRef;

use super::resources::Resources;
use crate::audit::AuditHandle;
use crate::audit::mirror::Mirror;
use crate::authority::AuthorityHandle;
use crate::exchange;
use crate::secret_store::SecretStoreHandle;
use crate::session::{Interception, Peers};
use crate::settings::Settings;
use crate::supervision::child::Child;
use crate::supervision::root;
use crate::supervision::slot::{Publisher, slot};
use crate::upstream::UpstreamHandle;
use crate::{audit, authority, listener, secret_store, status, upstream};

/// The supervisor's ends of the slots.
pub(super) struct Publishers {
    audit: Publisher<audit::Msg>,
    status: Publisher<status::Msg>,
    secret_store: Publisher<secret_store::Msg>,
    authority: Publisher<authority::Msg>,
    upstream: Publisher<upstream::Msg>,
    listener: Publisher<listener::Msg>,
}

/// The owners that others ask.
#[derive(Clone)]
pub(super) struct Handles {
    audit: AuditHandle,
    pub(super) secret_store: SecretStoreHandle,
    authority: AuthorityHandle,
    upstream: UpstreamHandle,
}

/// A slot for each owner, empty until it starts.
pub(super) fn slots(resources: &Resources) -> (Publishers, Handles) {
    let (audit, audit_slot) = slot("audit");
    let (status, _) = slot("status");
    let (secret_store, secret_store_slot) = slot("secret_store");
    let (authority, authority_slot) = slot("authority");
    let (upstream, upstream_slot) = slot("upstream");
    let (listener, _) = slot("listener");
    let handles = Handles {
        audit: AuditHandle::new(audit_slot, resources.board.audit.clone()),
        secret_store: SecretStoreHandle::new(secret_store_slot),
        authority: AuthorityHandle::new(authority_slot),
        upstream: UpstreamHandle::new(upstream_slot, resources.dialler.wipes.clone()),
    };
    (Publishers { audit, status, secret_store, authority, upstream, listener }, handles)
}

/// Everything that the child list is made of.
pub(super) struct Plan {
    pub(super) settings: Settings,
    pub(super) mirror: Mirror,
    pub(super) resources: Resources,
    pub(super) publishers: Publishers,
    pub(super) handles: Handles,
}

impl Plan {
    /// The owners in start order; they are stopped in reverse. The listener is the last, because it stops first of all.
    pub(super) fn children(self, root: &ActorRef<root::Msg>) -> Vec<Child> {
        let peers = Arc::new(self.session_peers());
        let Self { settings, mirror, resources, publishers, handles } = self;
        let Resources { board, listed, sockets, status_socket, dialler, roots, own_root, .. } = resources;
        let Handles { secret_store, authority, upstream, .. } = handles;
        let folder = &settings.folder;
        let audit =
            audit::Arguments { path: folder.audit(), settings: settings.audit, mirror, part: board.audit.clone() };
        let status = status::Arguments {
            socket: status_socket,
            board: board.clone(),
            secret_store,
            authority,
            #[cfg(feature = "faults")]
            root: root.clone(),
        };
        let part = board.secret_store;
        let secret_store = secret_store::Arguments { settings: settings.secret_store, part, listed, upstream };
        let authority = authority::Arguments::new(folder.authority(), board.authority);
        let upstream = upstream::Arguments { dialler, overrides: settings.upstream.resolve.into(), roots, own_root };
        let (admission, part) = (board.sessions, board.listener);
        let listener = listener::Arguments { sockets, peers, root: root.get_cell(), admission, part };
        vec![
            audit::child(publishers.audit, audit),
            status::child(publishers.status, status),
            secret_store::child(publishers.secret_store, secret_store),
            authority::child(publishers.authority, authority),
            upstream::child(publishers.upstream, upstream),
            listener::child(publishers.listener, listener),
        ]
    }

    /// What all sessions share.
    fn session_peers(&self) -> Peers {
        let Handles { audit, secret_store, authority, upstream } = self.handles.clone();
        let (settings, resources) = (&self.settings, &self.resources);
        Peers {
            exchange: Arc::new(exchange::Peers { secret_store, upstream, audit }),
            authority,
            probe_key: resources.board.probe_key.clone(),
            interception: Interception {
                passthrough: settings.session.passthrough.clone(),
                intercept: settings.session.intercept,
                listed: resources.listed.subscribe(),
            },
        }
    }
}
