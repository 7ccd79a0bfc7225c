//! Checks from the files on this computer to the clock in the VM.
//!
//! A file has a group of links. Of the secrets only the file itself is read: a plain one always, a pipe when that is
//! asked for; names, lines and hosts of it are shown, never a value. Injection and refusal are tried in a sandbox,
//! with a made-up value.

mod audit;
mod daemon;
mod files;
mod guest;
mod host;
mod link;
mod mount;
mod port;
mod roots;
mod ssh;
mod trial;

use actors::folder::Folder;
use actors::hint::Hint;
use actors::status::Report;

pub(crate) use self::link::{Link, Verdict};
pub(crate) use self::ssh::GuestArgs;
use crate::control;
use crate::install;
use crate::settings::{self, FolderArgs, Given, Run, folder_path};
use crate::terminal::failure::Failure;
use crate::terminal::hints::Hints;

/// What every check may read.
struct Installation {
    folder: Folder,
    /// As `run` would have them here.
    settings: Result<Run, Failure>,
    /// The daemon's report, if one runs.
    status: Option<Report>,
    hints: Hints,
    reads_pipe: bool,
}

impl Installation {
    /// Starts the daemon, as it was installed here.
    fn start(&self) -> Hint {
        self.restart_installed().unwrap_or_else(|| Hint::run("run"))
    }

    /// Restarts the daemon.
    fn restart(&self, status: &Report) -> Hint {
        let by_hand = || format!("kill {}; {}", status.pid, self.hints.command("run"));
        self.restart_installed().unwrap_or_else(|| by_hand().into())
    }

    fn restart_installed(&self) -> Option<Hint> {
        install::restart_command(&self.folder, self.hints.is_usual()).map(Hint::from)
    }
}

/// Links that cannot be checked while the folder is not accessible.
const INSIDE: [&str; 8] = ["settings", "secrets", "allowlist", "ca", "rotation", "daemon", "listening", "audit"];

/// Checks all links, in the order in which they depend on each other; with the hints that complete their fixes.
pub(crate) fn walk(folder: &FolderArgs, guest: &GuestArgs, reads_pipe: bool) -> Result<(Vec<Link>, Hints), Failure> {
    let path = folder_path(folder)?;
    let guest = ssh::guest(guest)?;
    let folder = Folder::at(&path);
    let installation = Installation {
        settings: run_settings(&path),
        status: control::status(&folder).ok(),
        hints: settings::hints(&folder),
        reads_pipe,
        folder,
    };
    if files::is_shut(&installation.folder) {
        return Ok((outside(&installation), installation.hints));
    }
    // First, because the roots that a VM trusts now decide what the link about the next root says.
    let there = guest.as_ref().map(|guest| guest::links(&installation, guest)).unwrap_or_default();
    let mut links = vec![files::folder(&installation), files::settings(&installation)];
    links.extend(mount::links(&installation));
    links.extend([roots::in_use(&installation), roots::rotation(&installation)]);
    links.extend([daemon::daemon(&installation), port::listening(&installation, guest.as_ref())]);
    links.extend([audit::audit(&installation), host::upstream_roots(&installation), host::clock(&installation)]);
    links.extend(trial::links());
    links.push(daemon::tunnels(&installation));
    links.extend(there);
    Ok((links, installation.hints))
}

/// The links that can be checked without access to the folder.
fn outside(installation: &Installation) -> Vec<Link> {
    let unseen = |name| Link::not_looked_at(name, "the folder is not accessible");
    let mut links = vec![files::folder(installation)];
    links.extend(INSIDE.map(unseen));
    links.extend([unseen("upstream-roots"), host::clock(installation)]);
    links.extend(trial::links());
    links.push(unseen("tunnels"));
    links
}

/// As `run` would have them, with the environment of this shell.
fn run_settings(folder: &std::path::Path) -> Result<Run, Failure> {
    settings::parse(&FolderArgs { dir: Some(folder.to_owned()) }, &Given::by_environment())
}
