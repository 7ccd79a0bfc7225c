//! What the owners say of themselves, and what is counted.
//!
//! The board outlives every owner, `status` included, so that a crash of any of them loses no count
//! and no state. Each owner writes its own part; `status` reads them all and waits for nobody.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use policy::destination::allowlist::Allowlist;
use policy::secrets::secret::Name;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use crate::hint::Hint;
use crate::tunnels::heard::Tunnels;
use crate::tunnels::probe::ProbeKey;

/// The parts of the status report.
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) started: Instant,
    pub(crate) sessions: Arc<Semaphore>,
    pub(crate) sessions_max: usize,
    pub(crate) sessions_begun: Counter,
    pub(crate) sessions_over: Counter,
    pub(crate) listeners: watch::Sender<Vec<ListenerReport>>,
    pub(crate) secrets: watch::Sender<SecretsReport>,
    /// Where some secret may go, by the last read that was believed; it outlives the values.
    pub(crate) listed: watch::Sender<Option<Arc<Allowlist>>>,
    pub(crate) authority: watch::Sender<AuthorityReport>,
    pub(crate) audit: watch::Sender<AuditReport>,
    /// Attempts recorded by this process.
    pub(crate) records: Counter,
    /// Refusals among them.
    pub(crate) refused: Counter,
    /// Records that could not be written.
    pub(crate) unrecorded: Counter,
    pub(crate) subsystems: watch::Sender<Vec<SubsystemReport>>,
    pub(crate) tunnels: Tunnels,
    /// What a tunnel keeper's question is told by.
    pub(crate) probe_key: Option<ProbeKey>,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Board {
    pub(crate) fn new(sessions_max: usize, secrets: PathBuf, audit: PathBuf) -> Self {
        Self {
            started: Instant::now(),
            sessions: Arc::new(Semaphore::new(sessions_max)),
            sessions_max,
            sessions_begun: Counter::default(),
            sessions_over: Counter::default(),
            listeners: watch::Sender::default(),
            secrets: watch::Sender::new(SecretsReport::idle(secrets)),
            listed: watch::Sender::default(),
            authority: watch::Sender::default(),
            audit: watch::Sender::new(AuditReport::new(audit)),
            records: Counter::default(),
            refused: Counter::default(),
            unrecorded: Counter::default(),
            subsystems: watch::Sender::default(),
            tunnels: Tunnels::default(),
            probe_key: ProbeKey::random(),
        }
    }

    /// How many sessions there are.
    pub(crate) fn sessions_active(&self) -> u64 {
        self.sessions_begun.value().saturating_sub(self.sessions_over.value())
    }

    /// Waits until no session is left. Accepting must have stopped.
    pub(crate) async fn sessions_ended(&self) {
        let all = u32::try_from(self.sessions_max).unwrap_or(u32::MAX);
        let _ = self.sessions.acquire_many(all).await;
    }
}

/// One bound socket.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ListenerReport {
    /// `127.0.0.1:17329` or `unix:/path`.
    pub(crate) address: String,
    /// `accepting`, or `down`.
    pub(crate) state: &'static str,
}

/// How the mount is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SecretsState {
    /// Nothing held; the next placeholder reads.
    Idle,
    /// Held and in force.
    Ready,
    /// No such file.
    Missing,
    /// A pipe that nobody serves.
    Unserved,
    /// A pipe that is held open, with nothing written yet.
    AwaitingApproval,
    /// A pipe that was closed empty, or not approved in time.
    Locked,
    /// Text that cannot be read without doubt.
    Malformed,
    /// A wrong owner, too open a mode, a link or a device.
    Unsafe,
}

impl SecretsState {
    /// The word for it, in `status` and in `proxy.log`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Ready => "ready",
            Self::Missing => "missing",
            Self::Unserved => "unserved",
            Self::AwaitingApproval => "awaiting-approval",
            Self::Locked => "locked",
            Self::Malformed => "malformed",
            Self::Unsafe => "unsafe",
        }
    }
}

/// What `secret_store` says of itself.
#[derive(Clone, Debug)]
pub(crate) struct SecretsReport {
    pub(crate) state: SecretsState,
    pub(crate) source: PathBuf,
    pub(crate) kind: Option<&'static str>,
    pub(crate) names: Arc<[Name]>,
    pub(crate) loaded: Option<Instant>,
    pub(crate) detail: String,
    pub(crate) hints: Vec<Hint>,
}

impl SecretsReport {
    pub(crate) fn idle(source: PathBuf) -> Self {
        let detail = "nothing read yet; the next placeholder reads".to_owned();
        Self {
            state: SecretsState::Idle,
            source,
            kind: None,
            names: Arc::default(),
            loaded: None,
            detail,
            hints: Vec::new(),
        }
    }
}

/// What `authority` says of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuthorityReport {
    pub(crate) fingerprint: String,
    pub(crate) not_after: String,
    pub(crate) leaves_cached: usize,
    /// The root that is used after this one, if there is one already.
    pub(crate) next_fingerprint: Option<String>,
}

/// What `audit` says of itself.
#[derive(Clone, Debug)]
pub(crate) struct AuditReport {
    pub(crate) path: PathBuf,
    /// The number of the last record.
    pub(crate) seq: u64,
    /// The hash of the last line, in hex.
    pub(crate) head: String,
    pub(crate) last_error: Option<String>,
    /// How much room there is for records, once it is known.
    pub(crate) free_bytes: Option<u64>,
    pub(crate) low_space: bool,
}

impl AuditReport {
    fn new(path: PathBuf) -> Self {
        Self { path, seq: 0, head: String::new(), last_error: None, free_bytes: None, low_space: false }
    }
}

/// How an owner is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SubsystemState {
    /// It answers.
    Running,
    /// It is down and will be started again.
    Restarting,
}

/// One owner, as the supervisor sees it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SubsystemReport {
    /// The owner's name.
    pub(crate) name: &'static str,
    /// Whether it runs.
    pub(crate) state: SubsystemState,
    /// How often it was started again.
    pub(crate) restarts: u64,
    /// What ended it last; never panic text.
    pub(crate) last_failure: Option<String>,
    /// How often it may still crash within a minute before the process gives up.
    pub(crate) crashes_left: usize,
    /// How long it is down for before it is started again, in milliseconds.
    pub(crate) backoff_ms: Option<u128>,
}
