//! Usage errors, each in one line.

use std::ffi::OsString;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use crate::terminal::failure::Failure;
use crate::terminal::output::{note_failure, stdout_intact};

/// The command line of this process. Help and the version are printed, and end it.
pub(super) fn parsed<T: Parser>() -> Result<T, Failure> {
    try_parse(std::env::args_os().collect()).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            shown(&error)
        }
        _ => Failure::usage(complaint(&error)),
    })
}

/// Parses a command line. clap reads the words after `help` as names of commands: `help --help` is `help`.
pub(super) fn try_parse<T: Parser>(mut line: Vec<OsString>) -> Result<T, Error> {
    let parsed = T::try_parse_from(&line);
    if !parsed.as_ref().is_err_and(names_help_as_command) {
        return parsed;
    }
    line.retain(|word| !is_help(word.to_str()));
    T::try_parse_from(&line)
}

fn names_help_as_command(error: &Error) -> bool {
    matches!(error.get(ContextKind::InvalidSubcommand), Some(ContextValue::String(word)) if is_help(Some(word)))
}

fn is_help(word: Option<&str>) -> bool {
    matches!(word, Some("--help" | "-h"))
}

/// Prints it, on stdout if it was asked for, and ends this process.
fn shown(error: &Error) -> Failure {
    let printed = error.print();
    if !error.use_stderr() {
        let _ = note_failure(printed);
    }
    match stdout_intact() {
        Ok(_) => std::process::exit(error.exit_code()),
        Err(failure) => failure,
    }
}

/// The parser's paragraphs before its usage: the error, at times a tip, and the next step.
pub(super) fn complaint(error: &Error) -> String {
    let text = error.to_string();
    let paragraphs = text.split("\n\n").take_while(|paragraph| !paragraph.starts_with("Usage:"));
    let wrong: Vec<String> = paragraphs.map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let wrong = wrong.join("; ");
    let wrong = wrong.strip_prefix("error: ").unwrap_or(&wrong);
    let wrong = wrong.strip_suffix("; For more information, try '--help'.").unwrap_or(wrong);
    format!("{wrong} (--help shows the usage)")
}
