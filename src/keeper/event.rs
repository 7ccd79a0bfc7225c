//! Events of a tunnel, and the steps that follow them.

use std::time::Duration;

use super::ssh_error::SshError;

/// What has happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// ssh may reach the VM.
    Located,
    /// The VM does not run, or does not exist.
    Absent(String),
    /// The forward is open, as far as ssh says.
    Opened,
    /// The forward could not be opened.
    Failed(SshError),
    /// The connection of the forward has ended.
    Ended(SshError),
    /// The forward is closed.
    Closed,
    /// The outcome of a probe through the tunnel.
    Probed(Probe),
    /// What holds the port in the VM, after the forward was refused.
    Occupied(Probe),
    /// The pause is over.
    Waited,
    /// The computer has slept.
    Woke,
    /// The daemon answers on its status socket again.
    ProxyBack,
    /// The daemon no longer answers there.
    ProxyGone,
    /// The daemon listens at another address now.
    ProxyMoved,
}

/// The outcome of a probe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Probe {
    /// The proxy answers.
    Ours,
    /// Nothing listens on the port, or the VM's sshd does not connect to it.
    Refused,
    /// The connection was closed without an answer.
    Nothing,
    /// Another program answers.
    Other,
    /// No answer in time.
    Timeout,
    /// The proxy does not answer on this side either.
    NoProxy(String),
    /// ssh itself failed.
    Lost(SshError),
}

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Find out how the VM is reached, and whether it runs.
    Locate,
    /// Open the forward.
    Open,
    /// Close it.
    Close,
    /// Probe through it, with this limit.
    Probe(Duration),
    /// Find out what holds the port.
    Inspect,
    /// Pause.
    Wait(Duration),
}
