//! The settings of all owners.

pub use crate::audit::settings::{AuditRotation, AuditSettings, AuditSync};
use crate::folder::Folder;
pub use crate::listener::settings::{Listen, ListenerSettings};
pub use crate::secret_store::settings::{NamespaceSource, OnePasswordSettings, SecretStoreSettings, SourceSettings};
pub use crate::session::settings::{Intercept, SessionSettings};
pub use crate::upstream::settings::{ProxyExcept, Resolve, UpstreamProxy, UpstreamSettings};

/// The settings of all owners.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the daemon's own files.
    pub folder: Folder,
    /// The listener's.
    pub listener: ListenerSettings,
    /// The secret store's.
    pub secret_store: SecretStoreSettings,
    /// The upstream owner's.
    pub upstream: UpstreamSettings,
    /// Those of every session.
    pub session: SessionSettings,
    /// The audit's.
    pub audit: AuditSettings,
}
