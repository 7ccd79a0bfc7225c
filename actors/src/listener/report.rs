//! The listener's part of the status report.

use serde::{Deserialize, Serialize};

use crate::supervision::part;

/// Lent by boot.
pub(crate) type Part = part::Part<Vec<ListenerReport>>;

/// One bound socket.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ListenerReport {
    /// `127.0.0.1:17329` or `unix:/path`.
    pub address: String,
    /// Whether clients are accepted.
    pub state: ListenerState,
}

/// Whether clients are accepted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenerState {
    /// They are.
    Accepting,
    /// The listener is down; clients wait in the backlog.
    Down,
}
