//! The walk from the files on this computer to the clock in the VM: a file for each group of links.
//!
//! Nothing here reads or sends a secret, but the secrets file itself if it is a plain one, or a pipe when that
//! is asked for; and of that only names, lines and hosts are told. Injection and refusal are tried on a stage
//! of their own, with a made-up value.

mod audit;
mod child;
mod daemon;
mod files;
mod guest;
mod host;
mod link;
mod mount;
mod port;
mod roots;
mod ssh;
mod tried;

use actors::folder::Folder;
use serde_json::Value;

pub(crate) use self::link::{Link, Verdict};
pub(crate) use self::port::answers_as_ours;
pub(crate) use self::ssh::GuestArgs;
use crate::control::ask;
use crate::failure::Failure;
use crate::settings::{self, FolderArgs, Given, Run, folder_path};
use crate::typed::Typed;

/// What every link may look at.
struct Ground {
    folder: Folder,
    /// What `run` would be told here.
    settings: Result<Run, Failure>,
    /// What the daemon says of itself, if one runs.
    status: Option<Value>,
    /// How fixes are written.
    typed: Typed,
    reads_pipe: bool,
}

/// What cannot be looked at while the folder is shut.
const INSIDE: [&str; 8] = ["settings", "secrets", "allowlist", "ca", "rotation", "daemon", "listening", "audit"];

/// Looks at all links, in the order in which they depend on each other.
pub(crate) fn walk(folder: &FolderArgs, guest: &GuestArgs, reads_pipe: bool) -> Result<Vec<Link>, Failure> {
    let path = folder_path(folder)?;
    let guest = ssh::guest(guest)?;
    let folder = Folder::at(&path);
    let ground = Ground {
        settings: run_settings(&path),
        status: ask(&folder, "status").ok(),
        typed: Typed::new(&folder),
        reads_pipe,
        folder,
    };
    if files::is_shut(&ground.folder) {
        return Ok(outside(&ground));
    }
    // Before the rest is told: what is seen there now decides what is to be done with a root that waits.
    let there = guest.as_ref().map(|guest| guest::links(&ground, guest)).unwrap_or_default();
    let mut links = vec![files::folder(&ground), files::settings(&ground)];
    links.extend(mount::links(&ground));
    links.extend([roots::in_use(&ground), roots::rotation(&ground)]);
    links.extend([daemon::daemon(&ground), port::listening(&ground, guest.as_ref())]);
    links.extend([audit::audit(&ground), host::upstream_roots(&ground), host::clock(&ground)]);
    links.extend(tried::links());
    links.push(daemon::tunnels(&ground));
    links.extend(there);
    Ok(links)
}

/// What can be told by somebody who may not look into the folder.
fn outside(ground: &Ground) -> Vec<Link> {
    let unseen = |name| Link::not_looked_at(name, "the folder cannot be entered");
    let mut links = vec![files::folder(ground)];
    links.extend(INSIDE.map(unseen));
    links.extend([unseen("upstream-roots"), host::clock(ground)]);
    links.extend(tried::links());
    links.push(unseen("tunnels"));
    links
}

/// As `run` would have them, with the environment of this shell.
fn run_settings(folder: &std::path::Path) -> Result<Run, Failure> {
    settings::parse(&FolderArgs { dir: Some(folder.to_owned()) }, &Given::by_environment())
}
