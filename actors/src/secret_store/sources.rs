//! Sources of secrets: one file for each kind, behind one trait.
//!
//! | file | content |
//! |---|---|
//! | [`source`] | the trait, and the result of a read |
//! | [`glance`] | the state of a source, seen without a read |
//! | [`error`] | the reasons why a source gives no text |
//! | [`mount`] | a path: a regular file, or the pipe that 1Password serves |
//! | [`program`] | a program that prints the text |
//! | [`one_password`] | an Environment of 1Password, by `op` and the token of a service account |
//! | [`env_lines`] | a printed environment as the lines of a secrets file |
//! | [`watch`] | changes at a path |
//! | [`text`] | a buffer that leaves no copy behind |
//!
//! A further kind of source is one file beside [`mount`] and one line in [`of`].

mod env_lines;
mod error;
mod glance;
mod mount;
mod one_password;
mod program;
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
use self::one_password::OnePassword;
pub(crate) use self::program::ErrorOutput;
use self::program::Program;
pub(crate) use self::source::{Content, Progress, Source};
#[cfg(test)]
pub(crate) use self::source::{OnProgress, Read};
#[cfg(test)]
pub(crate) use self::watch::OnChange;
pub(crate) use self::watch::Watch;
use super::settings::{OnePasswordSettings, SourceSettings};

/// The source that a setting names.
pub(crate) fn of(settings: &SourceSettings, op: &OnePasswordSettings, errors: ErrorOutput) -> Box<dyn Source> {
    match settings {
        SourceSettings::Path(path) => Box::new(Mount::at(path)),
        SourceSettings::OnePassword(id) => Box::new(OnePassword::new(id.clone(), op.clone(), errors)),
        SourceSettings::Program(path) => Box::new(Program::at(path, errors)),
    }
}

/// The kind of a mount that is safe to read.
pub(crate) fn look_at_mount(path: &Path) -> Result<MountKind, ReadError> {
    mount::look::at(path).map(|(kind, _)| kind)
}
