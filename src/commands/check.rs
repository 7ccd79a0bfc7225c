//! `check`: names, hosts and problems of a secrets file, never a value.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use actors::MountKind;
use actors::folder::Folder;
use clap::Args;

use self::report::Report;
use crate::secrets_file::{self, SecretsFileError};
use crate::settings::{FolderArgs, folder_path, secrets_path};
use crate::terminal::failure::Failure;

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// File to check [default: the secrets file of the settings]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Print names, hosts and problems as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(arguments: &CheckArgs) -> Result<ExitCode, Failure> {
    let path = match &arguments.file {
        Some(file) => file.clone(),
        None => secrets_path(&Folder::at(&folder_path(&arguments.folder)?))?,
    };
    let kind = MountKind::at(&path);
    if kind == Some(MountKind::Pipe) {
        secrets_file::say_waiting(&path);
    }
    let read = secrets_file::read(&path).map_err(|error| match arguments.file {
        Some(_) if path.is_dir() => SecretsFileError { fix: "name a file in it".into(), ..error },
        _ => error,
    });
    let report = match read {
        Ok(lint) => Report::of(&path, kind, &lint),
        Err(error) if arguments.json => Report::unreadable(&path, kind, &error),
        Err(SecretsFileError { problem, fix }) => {
            return Err(Failure::not_well(format!("{}: {problem}", path.display())).hint(fix));
        }
    };
    if arguments.json {
        report.print_json();
    } else {
        report.print();
    }
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
