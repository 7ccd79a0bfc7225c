//! The reasons why a source gives no text.

use std::io;

use super::glance::Glance;
use crate::limits::SECRETS_BYTES_MAX;

/// The reason why there is no text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("there is no such file")]
    Missing,
    #[error("it is not safe to use: {0}{advice}", advice = .0.advice())]
    Unsafe(UnsafeMount),
    #[error("it was closed with nothing in it: locked, or not approved")]
    ClosedEmpty,
    #[error("it is larger than {SECRETS_BYTES_MAX} bytes")]
    TooLarge,
    #[error("it was changed while it was read")]
    Changed,
    /// Another source has replaced this one.
    #[error("it was replaced before anything was read")]
    Replaced(Glance),
    #[error("{0}")]
    Io(io::ErrorKind),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            kind => Self::Io(kind),
        }
    }
}

/// The reason why a mount is not safe to use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnsafeMount {
    /// The target of a link could be exchanged.
    #[error("it is a link")]
    Link,
    /// A folder, a socket, a device.
    #[error("it is neither a regular file nor a pipe")]
    OtherKind,
    /// Another user owns the file and can change it.
    #[error("it belongs to another user")]
    OtherOwner,
    /// The values are not private.
    #[error("others may read or write it")]
    OpenFile,
    /// A program that can write into the pipe can name hosts for each secret.
    #[error("others may open the pipe")]
    OpenPipe,
}

impl UnsafeMount {
    /// The next step for the person.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Link => "name the file itself",
            Self::OtherKind => "move it away",
            Self::OtherOwner => "take it over with chown",
            Self::OpenFile => "chmod 600 it",
            Self::OpenPipe => "chmod 600 it, or chmod 700 its folder",
        }
    }

    /// The next step after a colon, for reasons. To take over another user's file is not always right.
    fn advice(self) -> String {
        match self {
            Self::OtherKind | Self::OtherOwner => String::new(),
            _ => format!(": {}", self.fix()),
        }
    }
}
