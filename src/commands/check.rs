//! `check`: names, hosts and problems of a secrets file, never a value.

mod report;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use actors::folder::Folder;
use actors::{MountError, MountKind};
use policy::secrets::lint::Lint;
use psl::Psl as _;
use rustix::fs::{Access, access};

use self::report::Report;
use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::settings::{folder_path, secrets_path};

/// Reading a pipe may ask its owner for approval.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn main(arguments: &CheckArgs) -> Result<ExitCode, Failure> {
    let path = match &arguments.file {
        Some(file) => file.clone(),
        None => secrets_path(&Folder::at(&folder_path(&arguments.folder)?))?,
    };
    let kind = MountKind::at(&path);
    if kind == Some(MountKind::Pipe) {
        say_waiting(&path);
    }
    let read = read(&path).map_err(|unread| match arguments.file {
        Some(_) if path.is_dir() => Unread { fix: "name a file in it", ..unread },
        _ => unread,
    });
    let report = match read {
        Ok(lint) => Report::of(&path, kind, &lint),
        Err(unread) if arguments.json => Report::unread(&path, kind, &unread),
        Err(Unread { problem, fix }) => return Err(Failure::not_well(format!("{}: {problem}; {fix}", path.display()))),
    };
    if arguments.json {
        report.print_json();
    } else {
        report.print();
    }
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why there is no text to check.
pub(crate) struct Unread {
    pub(crate) problem: String,
    pub(crate) fix: &'static str,
}

impl Unread {
    fn of(path: &Path, error: MountError) -> Self {
        let (problem, fix) = match error {
            MountError::Missing => {
                ("there is no such file".to_owned(), "make it, or name another with secret-proxy check FILE")
            }
            MountError::Unsafe(reason) => (format!("it is not safe to use: {reason}"), reason.fix()),
            MountError::Other(problem) => {
                let fix = fix(path, &problem);
                (problem, fix)
            }
        };
        Self { problem, fix }
    }
}

/// What to do about a file or a pipe that is safe to use, and gave no text.
fn fix(path: &Path, problem: &str) -> &'static str {
    match MountKind::at(path) {
        Some(MountKind::Pipe) => "have it served: unlock 1Password, and approve",
        Some(MountKind::File) if problem.starts_with("it is larger") => "leave only secrets and their hosts in it",
        Some(MountKind::File) if access(path, Access::READ_OK).is_err() => "chmod 600 it",
        Some(MountKind::File) => "run the same again",
        _ => "it must be a file of your own with mode 600, or a pipe that is served",
    }
}

pub(crate) fn say_waiting(path: &Path) {
    complain!("waiting for {} to be served, {} s at most", path.display(), PATIENCE.as_secs());
}

/// Reads the file, or the pipe once.
pub(crate) fn read(path: &Path) -> Result<Lint, Unread> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let unread = |why| Unread::of(path, why);
    let runtime = runtime.map_err(|error| unread(MountError::Other(error.to_string())))?;
    let text = runtime.block_on(actors::read_mount(path, PATIENCE)).map_err(unread)?;
    Ok(Lint::read(&text, &is_public_suffix))
}

/// Whether the list of public suffixes, as it was when this was built, has exactly this name.
fn is_public_suffix(name: &str) -> bool {
    let info = psl::List.find(name.rsplit('.').map(str::as_bytes));
    info.typ.is_some() && info.len == name.len()
}

#[cfg(test)]
mod tests {
    use policy::secrets::lint::Look;
    use policy::secrets::lint::problem::What;

    use super::*;

    #[test]
    fn table_of_public_suffixes() {
        for public in ["com", "co.uk", "github.io", "xn--55qx5d.cn", "any.ck", "s3.amazonaws.com", "vercel.app"] {
            assert!(is_public_suffix(public), "{public}");
        }
        for own in
            ["example.com", "a.co.uk", "you.github.io", "amazonaws.com", "www.ck", "nosuchtop", "a.nosuchtop", ""]
        {
            assert!(!is_public_suffix(own), "{own}");
        }
    }

    #[test]
    fn each_value_of_the_example_is_told_to_be_one() {
        let lint = Lint::read(include_bytes!("../../secrets.env.example"), &is_public_suffix);
        let told = |line| lint.problems().iter().any(|it| it.line == line && it.what == What::Looks(Look::Example));
        assert!(lint.secrets().iter().all(|(_, secret)| secret.is_usable() && told(secret.line)));
        assert_eq!(lint.secrets().len(), 7);
    }
}
