//! The report of a tunnel keeper over the status socket.

use serde::{Deserialize, Serialize};

/// The most that is kept of an error, in characters.
const ERROR_MAX: usize = 300;
/// The longest name of a VM.
const NAME_MAX: usize = 100;

/// How one tunnel is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TunnelReport {
    /// The VM.
    pub instance: String,
    /// Whose connection it goes through.
    pub mode: TunnelMode,
    /// How it is.
    pub state: TunnelState,
    /// Since when, as a timestamp.
    pub since: String,
    /// What is wrong, or was before the next try.
    pub last_error: Option<String>,
}

/// Whose connection a tunnel goes through.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TunnelMode {
    /// Its own.
    Dedicated,
    /// One that another program, such as Lima, holds open and shares.
    Shared,
}

/// How a tunnel is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TunnelState {
    /// On its way up.
    Connecting,
    /// A question put in the VM was answered by the proxy.
    Up,
    /// The VM does not run.
    VmStopped,
    /// There is no connection to share.
    NoMaster,
    /// ssh does not get through.
    Unreachable,
    /// Something else has the port in the VM, or its sshd gives it to nobody.
    PortTaken,
    /// The VM does not answer.
    Stalled,
    /// The tunnel stands, and the proxy does not answer.
    ProxyDown,
    /// The keeper says nothing any more.
    Silent,
    /// The keeper ends.
    Stopped,
    /// A state of a later version.
    #[serde(other)]
    Unknown,
}

impl TunnelMode {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::Shared => "shared",
        }
    }
}

impl TunnelState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Up => "up",
            Self::VmStopped => "vm-stopped",
            Self::NoMaster => "no-master",
            Self::Unreachable => "unreachable",
            Self::PortTaken => "port-taken",
            Self::Stalled => "stalled",
            Self::ProxyDown => "proxy-down",
            Self::Silent => "silent",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a VM may be called so: letters, digits, `.`, `_`, `-`, beginning with a letter or digit.
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= NAME_MAX && text.bytes().all(plain) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

impl TunnelReport {
    /// The same within bounds, if its name is one.
    pub(crate) fn bounded(mut self) -> Option<Self> {
        self.last_error = self.last_error.map(|error| error.chars().take(ERROR_MAX).collect());
        self.since = self.since.chars().take(NAME_MAX).collect();
        is_name(&self.instance).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_report() {
        for state in [TunnelState::Up, TunnelState::VmStopped, TunnelState::PortTaken, TunnelState::Silent] {
            assert_eq!(serde_json::json!(state), state.as_str());
        }
        assert_eq!(serde_json::json!(TunnelMode::Shared), TunnelMode::Shared.as_str());
    }
}
