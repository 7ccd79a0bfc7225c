//! The secret store's part of the status report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use policy::name::{Name, Namespace};
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::hint::Hint;
use crate::supervision::part;

/// Lent by boot.
pub(crate) type Part = part::Part<Reports>;

/// The report of each namespace. The default one is always there.
#[derive(Clone, Debug)]
pub(crate) struct Reports {
    pub(crate) default: Report,
    pub(crate) others: BTreeMap<Namespace, Report>,
}

impl Reports {
    /// Nothing was read yet.
    pub(crate) fn idle(source: String) -> Self {
        Self { default: Report::idle(source), others: BTreeMap::new() }
    }

    fn get(&self, namespace: &Namespace) -> Option<&Report> {
        if namespace.is_default() { Some(&self.default) } else { self.others.get(namespace) }
    }

    fn set(&mut self, namespace: &Namespace, report: Report) {
        if namespace.is_default() {
            self.default = report;
        } else {
            self.others.insert(namespace.clone(), report);
        }
    }
}

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
    /// The program ended with an error, took too long or cannot be run.
    Failed,
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
            Self::Failed => "failed",
        }
    }
}

/// The source, its state and the names of its secrets.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) state: SecretsState,
    pub(crate) source: String,
    pub(crate) kind: Option<&'static str>,
    pub(crate) names: Arc<[Name]>,
    pub(crate) loaded: Option<Instant>,
    pub(crate) detail: String,
    pub(crate) hints: Vec<Hint>,
}

impl Report {
    /// Nothing was read yet.
    pub(crate) fn idle(source: String) -> Self {
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

/// Publishes a report, and logs each change of the state.
pub(super) fn publish(part: &Part, namespace: &Namespace, report: Report) {
    let is_new = {
        let published = part.report();
        let before = published.get(namespace);
        before.is_none_or(|before| before.state != report.state || before.detail != report.detail)
    };
    if is_new {
        // Without a field, a line is about the default namespace.
        let namespace = (!namespace.is_default()).then(|| namespace.as_str());
        info!(namespace, state = %report.state.as_str(), detail = report.detail, "secrets");
    }
    part.update(|reports| reports.set(namespace, report));
}

/// Removes the report of a namespace that is there no more.
pub(super) fn remove(part: &Part, namespace: &Namespace) {
    info!(%namespace, "namespace removed");
    part.update(|reports| drop(reports.others.remove(namespace)));
}
