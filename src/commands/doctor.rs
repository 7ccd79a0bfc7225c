//! `doctor`: every link from the files to the VM, one line each, and what to type.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::doctor::{GuestArgs, Link, Verdict, walk};
use crate::failure::Failure;
use crate::harden;
use crate::settings::FolderArgs;

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    folder: FolderArgs,

    #[command(flatten)]
    guest: GuestArgs,

    /// Read the secrets even from a pipe, for which 1Password may ask for approval
    #[arg(long)]
    read_mount: bool,

    /// Print all steps as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(arguments: &DoctorArgs) -> Result<ExitCode, Failure> {
    // What has no effect on the daemon must have none on what is said of it.
    harden::clean_environment().map_err(Failure::not_well)?;
    let links = walk(&arguments.folder, &arguments.guest, arguments.read_mount)?;
    let is_well = links.iter().all(|link| link.verdict != Verdict::Fail);
    if arguments.json {
        let links: Vec<Value> = links.iter().map(Link::json).collect();
        say!("{}", json!({ "ok": is_well, "version": env!("CARGO_PKG_VERSION"), "links": links }));
    } else {
        let colours = has_colours();
        links.iter().for_each(|link| print(link, colours));
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is to be typed stands on a line of its own, so that it can be copied whole.
fn print(link: &Link, colours: bool) {
    let verdict = format!("{:5}", link.verdict.as_str());
    let (on, off) = if colours { (colour(link.verdict), "\x1b[0m") } else { ("", "") };
    say!("{on}{verdict}{off} {:15}  {}", link.name, link.detail);
    if let Some(fix) = &link.fix {
        say!("      {fix}");
    }
}

const fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "\x1b[32m",
        Verdict::Warn => "\x1b[33m",
        Verdict::Fail => "\x1b[1;31m",
    }
}

fn has_colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !unwanted && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
