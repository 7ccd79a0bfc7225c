//! What may happen to a tunnel, and what may be done.

use std::time::Duration;

use super::ssh_error::Trouble;

/// What has happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// The VM may be reached.
    Located,
    /// The VM does not run, or is not there.
    Absent(String),
    /// The forward stands, as far as ssh says.
    Linked,
    /// It could not be made.
    Failed(Trouble),
    /// The connection that it went through has ended.
    Ended(Trouble),
    /// It is taken down.
    Unlinked,
    /// What a question met in the VM.
    Probed(Probe),
    /// What has the port in the VM, after the forward was refused.
    Held(Probe),
    /// The pause is over.
    Waited,
    /// The computer has slept.
    Woke,
    /// The daemon answers on its status socket again, or does no more.
    ProxyBack,
    ProxyGone,
    /// The daemon listens elsewhere now.
    ProxyMoved,
}

/// What a question met.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Probe {
    /// The proxy.
    Ours,
    /// Nobody listens on the port, or the VM's sshd does not lead there.
    Refused,
    /// Somebody who hung up.
    Nothing,
    /// Somebody else.
    Other,
    /// Nobody in time.
    Timeout,
    /// The proxy does not answer on this side either.
    NoProxy(String),
    /// ssh itself failed.
    Lost(Trouble),
}

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Find out how the VM is reached, and whether it runs.
    Locate,
    /// Make the forward.
    Link,
    /// Take it down.
    Unlink,
    /// Ask through it, with this limit.
    Probe(Duration),
    /// Find out who has the port.
    Look,
    /// Pause.
    Wait(Duration),
}
