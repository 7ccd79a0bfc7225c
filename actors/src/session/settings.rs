//! Settings of a session.

use policy::destination::allowlist::Allowlist;

/// Settings of a session.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Hosts whose tunnels are passed through, not intercepted.
    pub passthrough: Allowlist,
    /// Which other tunnels are intercepted.
    pub intercept: Intercept,
}

/// Which tunnels are intercepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Intercept {
    /// All.
    All,
    /// Those to destinations that some secret may be sent to.
    Listed,
}
