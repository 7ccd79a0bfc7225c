//! Output to stdout and stderr. A failed write to stdout fails the command at its end.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

use serde_json::Value;

use super::escape::{printed, visible_json};
use super::failure::Failure;

/// The first error of a write to stdout.
static STDOUT_ERROR: OnceLock<ErrorKind> = OnceLock::new();

/// Prints text and a line end on stdout. [`stdout_intact`] says later whether it was written.
macro_rules! out {
    ($($text:tt)*) => { $crate::terminal::output::on_stdout(format_args!($($text)*)) };
}

/// Prints one line on stderr. A closed stderr is not an error.
macro_rules! err {
    ($($text:tt)*) => { $crate::terminal::output::on_stderr(format_args!($($text)*)) };
}

/// The function behind [`out!`]. Nothing but line ends and tabs acts on the terminal.
pub(crate) fn on_stdout(text: fmt::Arguments<'_>) {
    coloured(None, "", text);
}

/// The function behind [`err!`]. Nothing acts on the terminal.
pub(crate) fn on_stderr(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{}", printed(&text.to_string(), |_| false));
}

/// The same as [`out!`], after a word of ours in a colour.
pub(crate) fn coloured(colour: Option<&str>, word: &str, text: fmt::Arguments<'_>) {
    let text = text.to_string();
    let text = printed(&text, |character| matches!(character, '\n' | '\t'));
    let _ = note_failure(match colour {
        Some(colour) => writeln!(io::stdout(), "\x1b[{colour}m{word}\x1b[0m{text}"),
        None => writeln!(io::stdout(), "{word}{text}"),
    });
}

/// Prints a line of JSON on stdout, which keeps its meaning.
pub(crate) fn json(value: &Value) {
    on_stdout(format_args!("{}", visible_json(&value.to_string())));
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
