//! Sockets, counters and checked settings, made before the owners and lent to them.

use std::os::unix::net::UnixListener;
use std::sync::Arc;

use policy::destination::allowlist::Allowlist;
use policy::destination::reach::Reach;
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;

use super::error::BootError;
use crate::authority::open_or_make;
use crate::listener::Bound;
use crate::listener::bind::{InheritedSocket, bind_all, bind_unix};
use crate::session::Admission;
use crate::settings::Settings;
use crate::status::Board;
use crate::supervision::drain::Drain;
use crate::upstream::{self, read_roots};
use crate::{audit, secret_store};

/// Made once; they outlive every crash.
pub(super) struct Resources {
    pub(super) board: Board,
    pub(super) listed: watch::Sender<Option<Arc<Allowlist>>>,
    pub(super) drain: Drain,
    pub(super) sockets: Arc<[Bound]>,
    pub(super) status_socket: Arc<UnixListener>,
    pub(super) dialler: upstream::Dialler,
    pub(super) roots: Arc<[CertificateDer<'static>]>,
    pub(super) own_root: CertificateDer<'static>,
}

impl Resources {
    pub(super) fn prepare(settings: &Settings, inherited: Vec<InheritedSocket>) -> Result<Self, BootError> {
        let folder = &settings.folder;
        let root = open_or_make(&folder.authority())?;
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
            connections: upstream::ConnectionLimit::new(settings.listener.sessions_max),
            lookups: upstream::Lookups::default(),
            worked: Arc::default(),
            wipes: upstream::Wipes::default(),
            listed: listed.subscribe(),
            proxy: settings.upstream.proxy.clone().map(Arc::new),
            except: Arc::new(settings.upstream.proxy_except.clone()),
        };
        let board = board(settings, &drain);
        Ok(Self { board, listed, drain, sockets, status_socket, dialler, roots: roots.into(), own_root })
    }
}

/// The parts of the status report, before an owner has written to its own.
fn board(settings: &Settings, drain: &Drain) -> Board {
    let sessions = Admission::new(settings.listener.sessions_max, drain.clone());
    let secrets = secret_store::Reports::idle(settings.secret_store.source.to_string());
    let audit = audit::Report::new(settings.folder.audit());
    Board::new(sessions, secret_store::Part::new(secrets), audit::Part::new(audit))
}
