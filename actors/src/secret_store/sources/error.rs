//! The reasons why a source gives no text.

use std::io;

use super::glance::Glance;
use crate::limits::{PROGRAM_TIMEOUT, SECRETS_BYTES_MAX};

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
    #[error("the program {0}")]
    Program(ProgramFailure),
    #[error("the token file of 1Password {0}")]
    Token(TokenFailure),
    #[error("{0}")]
    Io(io::ErrorKind),
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum TokenFailure {
    #[error("is not there")]
    Missing,
    #[error("cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    #[error("is not a regular file")]
    NoFile,
    #[error("belongs to another user")]
    OtherOwner,
    #[error("can be read by others: chmod 600 it")]
    Open,
    #[error("holds no token")]
    NoToken,
}

/// Why a program gives no text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ProgramFailure {
    #[error("cannot be run: {0}")]
    CannotRun(io::ErrorKind),
    #[error("ended with {0}")]
    Ended(i32),
    #[error("was ended by signal {0}")]
    Signal(i32),
    #[error("took over {} s", PROGRAM_TIMEOUT.as_secs())]
    TookTooLong,
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
    /// A folder, or another thing that does not run.
    #[error("it is not a program")]
    NoProgram,
    /// Its output decides where values go.
    #[error("others may write the program")]
    OpenProgram,
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
            Self::NoProgram => "name a program",
            Self::OpenProgram => "chmod go-w it",
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
