//! What is wrong with a command line, in one line.

use clap::Parser;
use clap::error::{Error, ErrorKind};

use super::Cli;
use crate::terminal::failure::Failure;
use crate::terminal::output::{noted, told};

impl Cli {
    /// The command line of this process. Help and the version are printed, and end it.
    pub(crate) fn read() -> Result<Self, Failure> {
        Self::try_parse().map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => shown(&error),
            _ => Failure::usage(complaint(&error)),
        })
    }
}

/// Prints it, on stdout if it was asked for, and ends this process.
fn shown(error: &Error) -> Failure {
    let printed = error.print();
    if !error.use_stderr() {
        let _ = noted(printed);
    }
    match told() {
        Ok(_) => std::process::exit(error.exit_code()),
        Err(failure) => failure,
    }
}

/// The parser's paragraphs up to its usage, which are what is wrong and at times a tip, and what to do next.
fn complaint(error: &Error) -> String {
    let text = error.to_string();
    let paragraphs = text.split("\n\n").take_while(|paragraph| !paragraph.starts_with("Usage:"));
    let wrong: Vec<String> = paragraphs.map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let wrong = wrong.join("; ");
    let wrong = wrong.strip_prefix("error: ").unwrap_or(&wrong);
    let wrong = wrong.strip_suffix("; For more information, try '--help'.").unwrap_or(wrong);
    format!("{wrong} (--help shows how it is used)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_one_line_that_names_it() {
        let complaint = |line: &str| complaint(&Cli::try_parse_from(line.split(' ')).expect_err("wrong"));
        for (line, named) in [
            ("secret-proxy run --nothing", "'--nothing'"),
            ("secret-proxy runn", "'run'"),
            ("secret-proxy why", "<ID>"),
            ("secret-proxy ca rotate --finnish", "'--finish'"),
            ("secret-proxy env --shell nothing", "nix"),
            ("secret-proxy env --shell", "--shell"),
            ("secret-proxy reload reload", "'reload'"),
        ] {
            let complaint = complaint(line);
            assert!(complaint.contains(named), "{line}: {complaint}");
            assert!(complaint.ends_with(" (--help shows how it is used)"), "{line}: {complaint}");
            assert!(
                !complaint.contains('\n') && !complaint.contains("Usage") && !complaint.contains("error:"),
                "{complaint}"
            );
        }
    }
}
