//! The questions on the status socket and their answers: one JSON object on one line each.

use serde::{Deserialize, Serialize};

use crate::authority::Step;
use crate::listener::ListenerReport;
use crate::tunnels::report::TunnelReport;

/// A question, tagged by `ask`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum Question {
    /// The status report. Answered with a [`super::Report`].
    Status,
    /// Read the mount now. Answered with [`Done`].
    Reload,
    /// Make the next root, or use it from now on. Answered with [`Done`].
    Rotate {
        /// Which of both.
        step: Step,
    },
    /// A keeper reports its tunnel. Answered with a [`ProxyAddress`].
    Tunnel(TunnelReport),
    /// A test makes an owner misbehave.
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

/// It was done: `{"ok":true}`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Done {
    /// Always true; a failure is a [`crate::hint::Advice`].
    pub ok: bool,
}

/// Where the proxy listens, and the key to the question that a keeper asks there.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ProxyAddress {
    /// In hex; none if the daemon has no random numbers.
    pub key: Option<String>,
    /// The bound sockets.
    pub listeners: Vec<ListenerReport>,
}
