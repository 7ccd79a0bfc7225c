//! Loading and unloading agents.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::getuid;

use super::Wish;
use super::files::{self, File};
use super::launchd::{self, LABEL, tunnel_label};
use super::tool::Tool;
use crate::terminal::failure::Failure;

const LAUNCHCTL: Tool = Tool {
    program: "launchctl",
    first: &[],
    advice: "log in on the Mac's own screen as this user, and run the same again",
    absent: "there is no launchd here: have what starts programs on this computer run 'secret-proxy run'",
};

const LAUNCHCTL_TO_REMOVE: Tool = LAUNCHCTL.for_removal();

/// An agent may take 15 s to end (`ExitTimeOut`), and cannot be loaded again before.
const END: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// Loads what is new, and loads anew what has changed. Whether there was any such thing.
pub(super) fn install(folder: &Path, wish: &Wish) -> Result<bool, Failure> {
    if let Some(other) = launchd::of_nix(folder) {
        return Err(Failure::usage(format!(
            "Nix has installed the proxy already ({}): change its options, or take it out there first",
            other.display()
        )));
    }
    let labels = [LABEL.to_owned()].into_iter().chain(wish.tunnels.iter().map(|it| tunnel_label(&it.instance)));
    let mut changed = false;
    for (file, label) in launchd::files(folder, wish)?.iter().zip(labels) {
        changed |= load(file, &label)?;
    }
    Ok(changed)
}

fn load(file: &File, label: &str) -> Result<bool, Failure> {
    let target = target(label);
    let (same, state) = (file.is_there()?, LAUNCHCTL.ask(&["print", &target])?);
    match state {
        Some(state) if same && state.contains("state = running") => {
            say!("unchanged  {label}, which runs");
            return Ok(false);
        }
        Some(_) if same => {
            LAUNCHCTL.run(&["kickstart", &target])?;
            say!("started    {label}");
            return Ok(true);
        }
        // Before the file is replaced: if this fails, the next attempt sees the difference again.
        Some(_) => unload(&LAUNCHCTL, label)?,
        None => {}
    }
    if !same {
        file.write()?;
    }
    LAUNCHCTL.run(&["enable", &target])?;
    LAUNCHCTL.run(&["bootstrap", &domain(), &file.path.to_string_lossy()])?;
    say!("started    {label}");
    Ok(true)
}

/// Stops it, and waits until it has ended.
fn unload(tool: &Tool, label: &str) -> Result<(), Failure> {
    let target = target(label);
    // While the job ends this is an error that is none: what counts is that it goes.
    let told = tool.run(&["bootout", &target]);
    let begun = Instant::now();
    while tool.ask(&["print", &target])?.is_some() {
        if begun.elapsed() > END {
            return told.and(Err(tool.failed(&["bootout", &target], "it is still there")));
        }
        sleep(PAUSE);
    }
    say!("stopped    {label}");
    Ok(())
}

/// Unloads agents and removes their files, which go whatever launchd says. Whether there were any.
pub(super) fn uninstall(folder: &Path, instances: &[String]) -> Result<bool, Failure> {
    let agents = launchd::installed(folder, instances);
    let mut told = Ok(());
    for (path, label) in &agents {
        told = told.and(unload_if_loaded(label));
        files::remove(path)?;
    }
    told.map(|()| !agents.is_empty())
}

fn unload_if_loaded(label: &str) -> Result<(), Failure> {
    match LAUNCHCTL_TO_REMOVE.ask(&["print", &target(label)])? {
        Some(_) => unload(&LAUNCHCTL_TO_REMOVE, label),
        None => Ok(()),
    }
}

/// Of the graphical login.
fn domain() -> String {
    format!("gui/{}", getuid().as_raw())
}

fn target(label: &str) -> String {
    format!("{}/{label}", domain())
}
