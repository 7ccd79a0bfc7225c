//! The secret store's part of the status report.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use policy::name::Name;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::hint::Hint;
use crate::supervision::part;

/// Lent by boot.
pub(crate) type Part = part::Part<Report>;

/// The state of a source of secrets.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretsState {
    /// No secrets are held; the next placeholder starts a read.
    Idle,
    /// Secrets are held and in force.
    Ready,
    /// There is no such file.
    Missing,
    /// No program serves the pipe.
    Unserved,
    /// The pipe is held open, with nothing written yet.
    AwaitingApproval,
    /// The pipe was closed empty, or not approved in time.
    Locked,
    /// The text is malformed or ambiguous.
    Malformed,
    /// A wrong owner, too open a mode, a link or a device.
    Unsafe,
}

impl SecretsState {
    /// The word for it, in `status` and in `proxy.log`.
    pub const fn as_str(self) -> &'static str {
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

/// The source, its state and the names of its secrets.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) state: SecretsState,
    pub(crate) source: PathBuf,
    pub(crate) kind: Option<&'static str>,
    pub(crate) names: Arc<[Name]>,
    pub(crate) loaded: Option<Instant>,
    pub(crate) detail: String,
    pub(crate) hints: Vec<Hint>,
}

impl Report {
    /// No read has ended yet.
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

    /// Publishes the report, and logs each change of the state.
    pub(super) fn publish(self, part: &Part) {
        let is_new = {
            let published = part.report();
            published.state != self.state || published.detail != self.detail
        };
        if is_new {
            info!(state = %self.state.as_str(), detail = self.detail, "secrets");
        }
        part.publish(self);
    }
}
