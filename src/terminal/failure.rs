//! Why a command failed, in one line, and the exit code that says what kind of failure it is.

use std::fmt;
use std::process::ExitCode;

/// A failed command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The thing asked about is not well, or the daemon cannot start: exit code 1.
    NotWell(String),
    /// Bad usage or settings: exit code 2, as clap has it.
    Usage(String),
}

impl Failure {
    pub(crate) fn not_well(reason: impl fmt::Display) -> Self {
        Self::NotWell(reason.to_string())
    }

    pub(crate) fn usage(reason: impl fmt::Display) -> Self {
        Self::Usage(reason.to_string())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotWell(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWell(reason) | Self::Usage(reason) => f.write_str(reason),
        }
    }
}
