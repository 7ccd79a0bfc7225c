//! The status report, as `status --json` prints it. Fields are added, never renamed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use policy::name::{Name, Namespace};
use serde::{Deserialize, Serialize};

use crate::hint::Hint;
use crate::listener::ListenerReport;
use crate::secret_store::SecretsState;
use crate::session::Admission;
use crate::supervision::part::Part;
use crate::supervision::report::{SubsystemReport, SubsystemState};
use crate::tunnels::heard::Tunnels;
use crate::tunnels::probe::ProbeKey;
use crate::tunnels::report::TunnelReport;
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

impl Board {
    /// The parts before an owner has written to its own. The given ones begin with something from the settings.
    pub(crate) fn new(sessions: Admission, secret_store: secret_store::Part, audit: audit::Part) -> Self {
        Self {
            started: Instant::now(),
            sessions,
            listener: listener::Part::default(),
            secret_store,
            authority: authority::Part::default(),
            audit,
            subsystems: Part::default(),
            tunnels: Arc::default(),
            probe_key: ProbeKey::random().map(Arc::new),
        }
    }
}

/// Everything that the daemon says of itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// Of the program.
    pub version: String,
    /// Of the daemon.
    pub pid: u32,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// One for each bound socket.
    pub listeners: Vec<ListenerReport>,
    /// Client connections.
    pub sessions: SessionsReport,
    /// Tasks of the runtime.
    pub tasks: usize,
    /// The secrets of the default namespace.
    pub secrets: SecretsReport,
    /// One for each other namespace.
    #[serde(default)]
    pub namespaces: Vec<NamespaceReport>,
    /// The certificate authority.
    pub ca: AuthorityReport,
    /// The audit file.
    pub audit: AuditReport,
    /// One for each tunnel whose keeper reports.
    pub tunnels: Vec<TunnelReport>,
    /// One for each owner.
    pub subsystems: Vec<SubsystemReport>,
}

/// Client connections.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct SessionsReport {
    /// Now.
    pub active: u64,
    /// Since the start.
    pub total: u64,
    /// Closed since the start to make room for others.
    #[serde(default)]
    pub evicted: u64,
    /// The memory for messages that their receivers do not read, in bytes, as it is estimated.
    #[serde(default)]
    pub backlog_bytes: usize,
}

/// A namespace.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NamespaceReport {
    /// Its name.
    pub name: String,
    /// Its secrets.
    #[serde(flatten)]
    pub secrets: SecretsReport,
}

/// The secrets of one namespace.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SecretsReport {
    /// Its state.
    pub state: SecretsState,
    /// Its source, as the settings name it.
    pub source: String,
    /// `file`, `pipe` or `program`, once it was seen.
    pub kind: Option<String>,
    /// The names of the secrets that are held.
    pub names: Vec<String>,
    /// Seconds since they were read.
    pub age_s: Option<u64>,
    /// The reason for the state, or a warning; may be empty.
    pub detail: String,
    /// What a person can do about it.
    #[serde(default)]
    pub hints: Vec<Hint>,
    /// Whether the owner of the secrets answers.
    pub owner_running: bool,
}

/// The certificate authority.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AuthorityReport {
    /// Of the root in use: SHA-256, in hex.
    pub fingerprint: String,
    /// The end of its validity.
    pub not_after: String,
    /// Leaves in memory.
    pub leaves_cached: usize,
    /// Of the root that waits to be used.
    pub next_fingerprint: Option<String>,
}

/// The audit file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AuditReport {
    /// Its path.
    pub path: PathBuf,
    /// Attempts that were recorded since the start.
    pub records: u64,
    /// Refusals: those among them, and those that share a record.
    pub refused: u64,
    /// Refusals that share a record, because there were too many.
    #[serde(default)]
    pub refused_together: u64,
    /// Records that could not be written since the start.
    pub unrecorded: u64,
    /// The number of the last record.
    pub seq: u64,
    /// The hash of the last line, in hex.
    pub head: String,
    /// Why the last record could not be written.
    pub last_error: Option<String>,
    /// Free space, once it is known.
    pub free_bytes: Option<u64>,
    /// Whether that is little.
    pub low_space: bool,
}

impl Report {
    /// Reads all parts.
    pub(super) fn of(board: &Board) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_s: board.started.elapsed().as_secs(),
            listeners: board.listener.report().clone(),
            sessions: SessionsReport::of(board),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            secrets: SecretsReport::of(&board.secret_store.report().default, store_runs(board)),
            namespaces: namespaces(board),
            ca: AuthorityReport::of(board),
            audit: AuditReport::of(board),
            tunnels: board.tunnels.reports(),
            subsystems: board.subsystems.report().clone(),
        }
    }
}

fn namespaces(board: &Board) -> Vec<NamespaceReport> {
    let owner_running = store_runs(board);
    let of = |(name, report): (&Namespace, &secret_store::Report)| NamespaceReport {
        name: name.to_string(),
        secrets: SecretsReport::of(report, owner_running),
    };
    board.secret_store.report().others.iter().map(of).collect()
}

fn store_runs(board: &Board) -> bool {
    let is_up = |it: &SubsystemReport| it.name == "secret_store" && it.state == SubsystemState::Running;
    board.subsystems.report().iter().any(is_up)
}

impl SessionsReport {
    fn of(board: &Board) -> Self {
        let sessions = &board.sessions;
        let (active, total, evicted) = (sessions.active(), sessions.total(), sessions.evicted());
        Self { active, total, evicted, backlog_bytes: sessions.backlog() }
    }
}

impl SecretsReport {
    fn of(secrets: &secret_store::Report, owner_running: bool) -> Self {
        Self {
            state: secrets.state,
            source: secrets.source.clone(),
            kind: secrets.kind.map(str::to_owned),
            names: secrets.names.iter().map(Name::to_string).collect(),
            age_s: secrets.loaded.map(|loaded| loaded.elapsed().as_secs()),
            detail: secrets.detail.clone(),
            hints: secrets.hints.clone(),
            owner_running,
        }
    }
}

impl AuthorityReport {
    fn of(board: &Board) -> Self {
        let authority = board.authority.report();
        Self {
            fingerprint: authority.fingerprint.clone(),
            not_after: authority.not_after.clone(),
            leaves_cached: authority.leaves_cached,
            next_fingerprint: authority.next_fingerprint.clone(),
        }
    }
}

impl AuditReport {
    fn of(board: &Board) -> Self {
        let (audit, counters) = (board.audit.report(), board.audit.counters());
        Self {
            path: audit.path.clone(),
            records: counters.records.value(),
            refused: counters.refused.value(),
            refused_together: counters.refused_together.value(),
            unrecorded: counters.unrecorded.value(),
            seq: audit.head.map_or(0, |head| head.seq),
            head: audit.head.map(|head| head.hash.to_string()).unwrap_or_default(),
            last_error: audit.last_error.clone(),
            free_bytes: audit.free_bytes,
            low_space: audit.low_space,
        }
    }
}
