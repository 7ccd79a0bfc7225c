//! Errors of the start, with their hints.

use crate::authority::RootError;
use crate::folder::FolderError;
use crate::hint::{Advise, Hint};
use crate::listener::bind::BindError;
use crate::upstream::TrustError;

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A folder or file of ours.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The certificate authority.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The roots for upstreams.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// An address to listen on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An owner did not start, though everything had been checked.
    #[error("an owner did not start: {0}")]
    Start(String),
}

impl Advise for BootError {
    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Folder(error) => error.hints(),
            Self::Root(error) => error.hints(),
            Self::Trust(error) => error.hints(),
            Self::Bind(error) => error.hints(),
            Self::Start(_) => Vec::new(),
        }
    }
}
