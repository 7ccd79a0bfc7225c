//! `doctor`: one line for each step from the files to the VM, and the fix.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::daemon::harden;
use crate::doctor::{GuestArgs, Link, Verdict, walk};
use crate::settings::FolderArgs;
use crate::terminal::failure::Failure;
use crate::terminal::hints::Hints;
use crate::terminal::output;

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    folder: FolderArgs,

    #[command(flatten)]
    guest: GuestArgs,

    /// Read the secrets from a pipe too; 1Password may then ask for approval
    #[arg(long)]
    read_mount: bool,

    /// Print all steps as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(arguments: &DoctorArgs) -> Result<ExitCode, Failure> {
    // Variables without effect on the daemon must have none on its diagnosis.
    harden::clean_environment().map_err(Failure::not_well)?;
    let (links, hints) = walk(&arguments.folder, &arguments.guest, arguments.read_mount)?;
    let is_well = links.iter().all(|link| link.verdict != Verdict::Fail);
    if arguments.json {
        let links: Vec<Value> = links.iter().map(|link| link.json(&hints)).collect();
        output::json(&json!({ "ok": is_well, "version": env!("CARGO_PKG_VERSION"), "links": links }));
    } else {
        let colours = has_colours();
        links.iter().for_each(|link| print(link, &hints, colours));
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The fix has a line of its own, so that it can be copied whole.
fn print(link: &Link, hints: &Hints, colours: bool) {
    let verdict = format!("{:5}", link.verdict.as_str());
    let colour = colours.then(|| colour(link.verdict));
    output::coloured(colour, &verdict, format_args!(" {:15}  {}", link.name, link.detail));
    if let Some(fix) = &link.fix {
        out!("      {}", hints.step(fix));
    }
}

const fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "32",
        Verdict::Warn => "33",
        Verdict::Fail => "1;31",
    }
}

fn has_colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !unwanted && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
