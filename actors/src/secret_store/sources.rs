//! Sources of secrets: one file for each kind, behind one trait.
//!
//! | file | content |
//! |---|---|
//! | [`source`] | the trait, and the result of a read |
//! | [`glance`] | the state of a source, seen without a read |
//! | [`error`] | the reasons why a source gives no text |
//! | [`mount`] | a path: a regular file, or the pipe that 1Password serves |
//! | [`watch`] | changes at a path |
//! | [`text`] | a buffer that leaves no copy behind |
//!
//! A further kind of source is one file beside [`mount`] and one line in [`at`].

mod error;
mod glance;
mod mount;
mod source;
mod text;
mod watch;

use std::path::Path;

pub(crate) use self::error::ReadError;
pub use self::error::UnsafeMount;
pub(crate) use self::glance::Glance;
#[cfg(test)]
pub(crate) use self::glance::Version;
use self::mount::Mount;
pub use self::mount::look::MountKind;
pub(crate) use self::source::{Content, Progress, Source};
#[cfg(test)]
pub(crate) use self::source::{OnProgress, Read};
#[cfg(test)]
pub(crate) use self::watch::OnChange;
pub(crate) use self::watch::Watch;

/// The source that the setting names.
pub(crate) fn at(path: &Path) -> Box<dyn Source> {
    Box::new(Mount::at(path))
}

/// The kind of a mount that is safe to read.
pub(crate) fn look_at_mount(path: &Path) -> Result<MountKind, ReadError> {
    mount::look::at(path).map(|(kind, _)| kind)
}
