//! The choice whether a tunnel is intercepted or passed through.

use std::sync::Arc;

use policy::destination::allowlist::Allowlist;
use policy::destination::host::{Destination, Scheme};
use tokio::sync::watch;

use crate::session::settings::Intercept;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn passes_through(passthrough: &str, intercept: Intercept, listed: Option<&str>, target: &str) -> bool {
        let list = |text: &str| Allowlist::parse(text).expect("legal");
        let passthrough = if passthrough.is_empty() { Allowlist::default() } else { list(passthrough) };
        let listed = watch::Sender::new(listed.map(|text| Arc::new(list(text)))).subscribe();
        let destination = Destination::from_connect(target).expect("a destination");
        Interception { passthrough, intercept, listed }.passes_through(&destination)
    }

    #[test]
    fn a_tunnel_is_passed_through_by_its_host_or_because_no_secret_may_go_there() {
        let listed = Some("a.example, http://c.example:443");
        let cases = [
            ("", Intercept::All, listed, "b.example:443", false),
            ("b.example", Intercept::All, listed, "b.example:443", true),
            ("b.example", Intercept::All, listed, "b.example:8443", false),
            ("", Intercept::Listed, listed, "b.example:443", true),
            ("", Intercept::Listed, listed, "a.example:443", false),
            ("", Intercept::Listed, listed, "c.example:443", false),
            ("", Intercept::Listed, None, "b.example:443", false),
        ];
        for (passthrough, intercept, listed, target, expected) in cases {
            let passed = passes_through(passthrough, intercept, listed, target);
            assert_eq!(passed, expected, "{passthrough:?} {intercept:?} {listed:?} {target}");
        }
    }
}
