//! The choice whether a tunnel is intercepted or passed through.

use std::sync::Arc;

use policy::destination::allowlist::Allowlist;
use policy::destination::host::{Destination, Scheme};
use tokio::sync::watch;

use crate::settings::Intercept;

/// The settings and the published hosts that decide it.
pub(crate) struct Interception {
    /// Hosts whose tunnels are always passed through.
    pub(crate) passthrough: Allowlist,
    pub(crate) intercept: Intercept,
    /// The destinations that some secret may be sent to, once they are known.
    pub(crate) listed: watch::Receiver<Option<Arc<Allowlist>>>,
}

impl Interception {
    /// Whether a tunnel to this destination is passed through. While the listed destinations are unknown, each
    /// destination counts as listed.
    pub(super) fn passes_through(&self, destination: &Destination) -> bool {
        // The tunnel may carry TLS or cleartext.
        let clear = destination.with_scheme(Scheme::Http);
        let is_listed = |listed: &Arc<Allowlist>| listed.allows(destination) || listed.allows(&clear);
        let listed = || self.listed.borrow().as_ref().is_none_or(is_listed);
        self.passthrough.allows(destination) || (self.intercept == Intercept::Listed && !listed())
    }
}
