//! Printing for people and pipes. All that a command prints goes through here, so that what was not taken is
//! known when the command ends.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

use crate::terminal::failure::Failure;

/// Why stdout did not take something, the first time that it did not.
static LOST: OnceLock<ErrorKind> = OnceLock::new();

/// Prints a line on stdout. Whether it was taken, [`told`] tells.
macro_rules! say {
    ($($text:tt)*) => { $crate::terminal::output::line(format_args!($($text)*)) };
}

/// Prints a line on stderr. A reader that has gone away is not an error.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

/// What [`say!`] does.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let _ = noted(writeln!(io::stdout(), "{text}"));
}

/// Keeps in mind that something was not written to stdout, if so, and passes that on.
pub(crate) fn noted<T>(written: io::Result<T>) -> io::Result<T> {
    written.inspect_err(|error| {
        LOST.get_or_init(|| error.kind());
    })
}

/// Whether all that was said so far was taken. A reader that has gone away, as `head` does, has not taken it, and
/// that is no failure.
pub(crate) fn told() -> Result<bool, Failure> {
    let _ = noted(io::stdout().flush());
    match LOST.get() {
        None => Ok(true),
        Some(ErrorKind::BrokenPipe) => Ok(false),
        Some(kind) => Err(Failure::not_well(format!(
            "standard output cannot be written ({kind}): see to what it is sent to, and run the same again"
        ))),
    }
}
