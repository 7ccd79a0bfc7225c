//! Output to stdout and stderr. A failed write to stdout fails the command at its end.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

use super::failure::Failure;

/// The first error of a write to stdout.
static STDOUT_ERROR: OnceLock<ErrorKind> = OnceLock::new();

/// Prints a line on stdout. [`stdout_intact`] says later whether it was written.
macro_rules! out {
    ($($text:tt)*) => { $crate::terminal::output::line(format_args!($($text)*)) };
}

/// Prints a line on stderr. A closed stderr is not an error.
macro_rules! err {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

/// The function behind [`out!`].
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let _ = note_failure(writeln!(io::stdout(), "{text}"));
}

/// Records a failed write to stdout, and returns the result as it was.
pub(crate) fn note_failure<T>(written: io::Result<T>) -> io::Result<T> {
    written.inspect_err(|error| {
        STDOUT_ERROR.get_or_init(|| error.kind());
    })
}

/// Whether everything printed so far was written. A reader that has gone away, as `head` does, has not read it, but
/// that is no failure.
pub(crate) fn stdout_intact() -> Result<bool, Failure> {
    let _ = note_failure(io::stdout().flush());
    match STDOUT_ERROR.get() {
        None => Ok(true),
        Some(ErrorKind::BrokenPipe) => Ok(false),
        Some(kind) => {
            let failure = Failure::not_well(format!("cannot write to standard output ({kind})"));
            Err(failure.hint("check where it is redirected").hint("run the command again"))
        }
    }
}
