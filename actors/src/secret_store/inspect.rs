//! A look at the mount from outside the daemon, for commands.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use policy::name::Namespace;
use zeroize::Zeroizing;

use super::discovery::{self, Found};
use super::settings::{OnePasswordSettings, SecretStoreSettings, SourceSettings};
use super::sources::{self, ErrorOutput, MountKind, ReadError, UnsafeMount};
use crate::limits::SECRETS_BYTES_MAX;

/// The reason why a mount gives no text.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// It is not safe to use.
    #[error("it is not safe to use: {0}")]
    Unsafe(UnsafeMount),
    /// It has too many bytes.
    #[error("it is larger than {SECRETS_BYTES_MAX} bytes")]
    TooLarge,
    /// This user may not read it.
    #[error("permission denied")]
    Denied,
    /// The program that gives it failed.
    #[error("{0}")]
    Program(String),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

impl From<ReadError> for MountError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Missing => Self::Missing,
            ReadError::Unsafe(reason) => Self::Unsafe(reason),
            ReadError::TooLarge => Self::TooLarge,
            ReadError::Io(ErrorKind::PermissionDenied) => Self::Denied,
            ReadError::Program(_) | ReadError::Token(_) => Self::Program(error.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

/// Looks at a mount without opening it.
///
/// # Errors
/// The daemon would not read it.
pub fn look_at_mount(path: &Path) -> Result<MountKind, MountError> {
    Ok(sources::look_at_mount(path)?)
}

/// Reads a source once. The error output of a program is shown.
///
/// # Errors
/// Why there is no text, or that it took longer than `limit`.
pub async fn read_source(
    source: &SourceSettings,
    op: &OnePasswordSettings,
    limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, MountError> {
    let read = sources::of(source, op, ErrorOutput::Shown).read(Box::new(|_| ()));
    match tokio::time::timeout(limit, read).await {
        Ok(Ok(content)) => Ok(content.text),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(MountError::Other("nobody served it in time: is 1Password running and unlocked?".to_owned())),
    }
}

/// The namespaces that a daemon with these settings has, each with its source, and why some folder is none.
pub fn namespaces(settings: &SecretStoreSettings) -> (BTreeMap<Namespace, SourceSettings>, Vec<String>) {
    let Found { sources, refused } = discovery::find(settings);
    (sources, refused)
}
