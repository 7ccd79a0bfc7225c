//! The supervisor's report on each owner.

use serde::{Deserialize, Serialize};

/// Whether an owner answers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubsystemState {
    /// It is up.
    Running,
    /// It is down and will be started again.
    Restarting,
}

impl SubsystemState {
    /// The word for it in the status report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Restarting => "restarting",
        }
    }
}

/// One owner, as the supervisor sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SubsystemReport {
    /// The owner's name.
    pub name: String,
    /// Whether it runs.
    pub state: SubsystemState,
    /// How often it was started again.
    pub restarts: u64,
    /// The cause of its last end; never panic text.
    pub last_failure: Option<String>,
    /// How often it may still crash within a minute before the process gives up.
    pub crashes_left: usize,
    /// The pause before it is started again, in milliseconds.
    pub backoff_ms: Option<u64>,
}
