//! A look at the mount from outside the daemon, for commands.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::sources::{self, MountKind, ReadError, UnsafeMount};
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
    /// Any other reason, in words.
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

/// Reads a mount once.
///
/// # Errors
/// There is no text, or the read took longer than `limit`.
pub async fn read_mount(path: &Path, limit: Duration) -> Result<Zeroizing<Vec<u8>>, MountError> {
    match tokio::time::timeout(limit, sources::at(path).read(Box::new(|_| ()))).await {
        Ok(Ok(content)) => Ok(content.text),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(MountError::Other("nobody served it in time: is 1Password running and unlocked?".to_owned())),
    }
}
