//! All parts together, assembled by boot and read by `status`.

use std::sync::Arc;
use std::time::Instant;

use crate::session::Admission;
use crate::supervision::part::Part;
use crate::supervision::report::SubsystemReport;
use crate::tunnels::heard::Tunnels;
use crate::tunnels::probe::ProbeKey;
use crate::{audit, authority, listener, secret_store};

/// The parts of the status report. They outlive every owner.
#[derive(Clone)]
pub(crate) struct Board {
    pub(crate) started: Instant,
    pub(crate) sessions: Admission,
    pub(crate) listener: listener::Part,
    pub(crate) secret_store: secret_store::Part,
    pub(crate) authority: authority::Part,
    pub(crate) audit: audit::Part,
    pub(crate) subsystems: Part<Vec<SubsystemReport>>,
    pub(crate) tunnels: Arc<Tunnels>,
    /// The key to the question of a tunnel keeper.
    pub(crate) probe_key: Option<Arc<ProbeKey>>,
}
