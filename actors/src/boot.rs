//! Checks everything that a person could have got wrong, then starts the tree.

use std::fs::File;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use policy::destination::allowlist::Allowlist;
use policy::destination::reach::Reach;
use ractor::{Actor, ActorRef};
use rustls_pki_types::CertificateDer;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::audit::mirror::Mirror;
use crate::audit::{self, AuditHandle};
use crate::authority::{self, AuthorityHandle, Root, RootError};
use crate::exchange::{self, RateLimiter};
use crate::folder::FolderError;
use crate::hint::{Advise, Hint};
use crate::limits;
use crate::listener::bind::{BindError, InheritedSocket, bind_all, bind_unix};
use crate::listener::{self, Bound};
use crate::secret_store::{self, SecretStoreHandle};
use crate::session::{Admission, Interception, Peers, SilentClients};
use crate::settings::Settings;
use crate::status::{self, Board};
use crate::supervision::child::Child;
use crate::supervision::drain::Drain;
use crate::supervision::part::Part;
use crate::supervision::root::{self as supervisor, Ended, Supervisor};
use crate::supervision::slot::slot;
use crate::tunnels::probe::ProbeKey;
use crate::upstream::{self, TrustError, UpstreamHandle, read_roots};

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A folder or file of ours.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The certificate authority.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The roots for upstreams.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// An address to listen on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An owner did not start, though everything had been checked.
    #[error("an owner did not start: {0}")]
    Start(String),
}

impl Advise for BootError {
    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Folder(error) => error.hints(),
            Self::Root(error) => error.hints(),
            Self::Trust(error) => error.hints(),
            Self::Bind(error) => error.hints(),
            Self::Start(_) => Vec::new(),
        }
    }
}

/// The running tree.
pub struct Daemon {
    root: ActorRef<supervisor::Msg>,
    ended: oneshot::Receiver<Ended>,
    secret_store: SecretStoreHandle,
    addresses: Vec<String>,
    socket_paths: Vec<PathBuf>,
    _lock: File,
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Daemon {
    /// Checks the settings against the world and starts all owners. Sockets that were inherited take
    /// the place of those that would be bound.
    ///
    /// # Errors
    /// Something has to be put right first; nothing was overwritten.
    pub async fn boot(settings: Settings, mirror: Mirror, inherited: Vec<InheritedSocket>) -> Result<Self, BootError> {
        let lock = settings.folder.lock()?;
        let ground = Ground::prepare(&settings, inherited)?;
        let addresses = ground.sockets.iter().map(Bound::address).collect();
        let mut socket_paths: Vec<PathBuf> = ground.sockets.iter().filter_map(Bound::path).collect();
        socket_paths.push(settings.folder.status_socket());
        let (store_publisher, store) = slot("secret_store");
        let secret_store = SecretStoreHandle::new(store);
        let (ended_sender, ended) = oneshot::channel();
        let store = secret_store.clone();
        let (report, drain) = (ground.board.subsystems.clone(), ground.drain.clone());
        let children = move |root: ActorRef<_>| children(&root, settings, mirror, ground, store_publisher, store);
        let arguments = supervisor::Arguments {
            report,
            drain,
            children: Box::new(children),
            ended: ended_sender,
            crashes_max: crashes_max(),
        };
        let started = Actor::spawn(None, Supervisor, arguments).await;
        let (root, _) = started.map_err(|error| BootError::Start(error.to_string()))?;
        Ok(Self { root, ended, secret_store, addresses, socket_paths, _lock: lock })
    }

    /// Where it listens, as people write it.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Reads the mount soon.
    pub fn reload(&self) {
        self.secret_store.reload_soon();
    }

    /// Stops accepting, lets sessions finish, stops the owners.
    pub async fn drain(&self) {
        self.secret_store.drain();
        let limit = limits::DRAIN + 8 * limits::STOP;
        let _ = self.root.call(|reply| supervisor::Msg::Drain { reply }, Some(limit)).await;
        for path in &self.socket_paths {
            // What is left behind would only puzzle people: the next start replaces it.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Waits until the tree has ended by itself.
    pub async fn ended(&mut self) -> Ended {
        (&mut self.ended).await.unwrap_or(Ended::Exhausted("supervisor"))
    }
}

/// How often an owner may crash; a test may say otherwise.
fn crashes_max() -> usize {
    #[cfg(feature = "faults")]
    if let Some(crashes) = crate::supervision::faults::crashes_max() {
        return crashes;
    }
    limits::CRASHES_MAX
}

/// What is made once and outlives every crash.
struct Ground {
    board: Board,
    listed: watch::Sender<Option<Arc<Allowlist>>>,
    drain: Drain,
    sockets: Arc<[Bound]>,
    status_socket: Arc<UnixListener>,
    dialler: upstream::Dialler,
    roots: Arc<[CertificateDer<'static>]>,
    own_root: CertificateDer<'static>,
}

impl Ground {
    fn prepare(settings: &Settings, inherited: Vec<InheritedSocket>) -> Result<Self, BootError> {
        let folder = &settings.folder;
        let root = Root::open_or_make(&folder.authority())?;
        let own_root = root.certificate().der.clone();
        audit::probe(&folder.audit(), settings.audit.rotation)?;
        let roots = settings.upstream.ca.as_deref().map(read_roots).transpose()?.unwrap_or_default();
        let sockets: Arc<[Bound]> = bind_all(&settings.listener.listen, inherited)?.into();
        let status_socket = Arc::new(bind_unix(&folder.status_socket())?);
        let reach = Reach {
            allow: settings.upstream.allow_net.clone(),
            own: sockets.iter().filter_map(Bound::tcp_address).collect(),
            deny_private: settings.upstream.deny_private,
        };
        let (drain, listed) = (Drain::default(), watch::Sender::default());
        let dialler = upstream::Dialler {
            reach: Arc::new(reach),
            connections: Arc::new(upstream::ConnectionLimit::new(settings.listener.sessions_max)),
            lookups: Arc::new(Semaphore::new(limits::LOOKUPS_MAX)),
            wipes: upstream::Wipes::default(),
            listed: listed.subscribe(),
            proxy: settings.upstream.proxy.clone().map(Arc::new),
        };
        let board = board(settings, &drain);
        Ok(Self { board, listed, drain, sockets, status_socket, dialler, roots: roots.into(), own_root })
    }
}

/// The parts of the status report, before an owner has written to its own.
fn board(settings: &Settings, drain: &Drain) -> Board {
    Board {
        started: Instant::now(),
        sessions: Admission::new(settings.listener.sessions_max, drain.clone()),
        listener: listener::Part::default(),
        secret_store: secret_store::Part::new(secret_store::Report::idle(settings.secret_store.path.clone())),
        authority: authority::Part::default(),
        audit: audit::Part::new(audit::Report::new(settings.folder.audit())),
        subsystems: Part::default(),
        tunnels: Arc::default(),
        probe_key: ProbeKey::random().map(Arc::new),
    }
}

/// What all sessions share: whom they ask, and how much of what there may be.
fn peers(
    settings: &Settings,
    ground: &Ground,
    (secret_store, authority, upstream, audit): (SecretStoreHandle, AuthorityHandle, UpstreamHandle, AuditHandle),
) -> Peers {
    let (failures, passthroughs) = (RateLimiter::default(), RateLimiter::default());
    Peers {
        exchange: Arc::new(exchange::Peers { secret_store, upstream, audit, failures, passthroughs }),
        authority,
        probe_key: ground.board.probe_key.clone(),
        interception: Interception {
            passthrough: settings.session.passthrough.clone(),
            intercept: settings.session.intercept,
            listed: ground.listed.subscribe(),
        },
        handshaking: SilentClients::at_most(limits::HANDSHAKES_MAX),
        unheard: SilentClients::at_most(limits::unheard_max(settings.listener.sessions_max)),
    }
}

/// The tree, in start order; it is stopped in reverse. The listener is the last, for it has to stop first of all.
fn children(
    root: &ActorRef<supervisor::Msg>,
    settings: Settings,
    mirror: Mirror,
    ground: Ground,
    store_publisher: crate::supervision::slot::Publisher<secret_store::Msg>,
    secret_store: SecretStoreHandle,
) -> Vec<Child> {
    let (audit_publisher, audit_slot) = slot("audit");
    let (status_publisher, _) = slot("status");
    let (authority_publisher, authority_slot) = slot("authority");
    let (upstream_publisher, upstream_slot) = slot("upstream");
    let (listener_publisher, _) = slot("listener");
    let upstream = UpstreamHandle::new(upstream_slot, ground.dialler.wipes.clone());
    let authority = AuthorityHandle::new(authority_slot);
    let owners = (
        secret_store.clone(),
        authority.clone(),
        upstream.clone(),
        AuditHandle::new(audit_slot, ground.board.audit.clone()),
    );
    let peers = Arc::new(peers(&settings, &ground, owners));
    let Ground { board, listed, sockets, status_socket, dialler, roots, own_root, .. } = ground;
    let audit =
        audit::Arguments { path: settings.folder.audit(), settings: settings.audit, mirror, part: board.audit.clone() };
    let status = status::Arguments {
        socket: status_socket,
        board: board.clone(),
        secret_store,
        authority,
        #[cfg(feature = "faults")]
        root: root.clone(),
    };
    let store =
        secret_store::Arguments { settings: settings.secret_store, part: board.secret_store.clone(), listed, upstream };
    let authority = authority::Arguments::new(settings.folder.authority(), board.authority.clone());
    let upstream = upstream::Arguments { dialler, overrides: settings.upstream.resolve.into(), roots, own_root };
    let listener =
        listener::Arguments { sockets, peers, root: root.get_cell(), admission: board.sessions, part: board.listener };
    vec![
        audit::child(audit_publisher, audit),
        status::child(status_publisher, status),
        secret_store::child(store_publisher, store),
        authority::child(authority_publisher, authority),
        upstream::child(upstream_publisher, upstream),
        listener::child(listener_publisher, listener),
    ]
}
