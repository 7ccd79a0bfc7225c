//! Settings of the secret store.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the secret store.
#[derive(Clone, Debug)]
pub struct SecretStoreSettings {
    /// The secrets file or pipe.
    pub path: PathBuf,
    /// How long secrets stay cached after a read; zero reads them for every request.
    pub ttl: Duration,
    /// How long a pipe stays open after the last request that wanted a secret.
    pub approval_wait: Duration,
    /// Whether a notification on the screen reports that requests wait for the secrets.
    pub notify: bool,
}
