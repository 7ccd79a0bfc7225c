//! Loads and unloads launchd agents.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::getuid;

use super::Plan;
use super::files::{self, File};
use super::launchd::{self, LABEL, tunnel_label};
use super::tool::Tool;
use crate::terminal::failure::Failure;

const LAUNCHCTL: Tool = Tool {
    program: "launchctl",
    first: &[],
    advice: "log in on the Mac's own screen as this user, and run the command again",
    absent: "there is no launchd here: let this computer's service manager run 'secret-proxy run'",
};

const LAUNCHCTL_TO_REMOVE: Tool = LAUNCHCTL.for_removal();

/// An agent may take 15 s to end (`ExitTimeOut`), and cannot be loaded again before.
const END_TIMEOUT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// Loads new agents and reloads changed ones. Returns whether there were any.
pub(super) fn install(folder: &Path, plan: &Plan) -> Result<bool, Failure> {
    if let Some(other) = launchd::of_nix(folder) {
        let failure = Failure::usage(format!("Nix has installed the proxy already ({})", other.display()));
        return Err(failure.hint("change its options, or remove it there first"));
    }
    let labels = [LABEL.to_owned()].into_iter().chain(plan.tunnels.iter().map(|it| tunnel_label(&it.instance)));
    let mut changed = false;
    for (file, label) in launchd::files(folder, plan)?.iter().zip(labels) {
        changed |= load(file, &label)?;
    }
    Ok(changed)
}

fn load(file: &File, label: &str) -> Result<bool, Failure> {
    let target = target(label);
    let (same, state) = (file.is_there()?, LAUNCHCTL.ask(&["print", &target])?);
    match state {
        Some(state) if same && state.contains("state = running") => {
            out!("unchanged  {label}, which runs");
            return Ok(false);
        }
        Some(_) if same => {
            LAUNCHCTL.run(&["kickstart", &target])?;
            out!("started    {label}");
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
    out!("started    {label}");
    Ok(true)
}

/// Stops it, and waits until it has ended.
fn unload(tool: &Tool, label: &str) -> Result<(), Failure> {
    let target = target(label);
    // Returns an error while the job is ending: only its end counts.
    let outcome = tool.run(&["bootout", &target]);
    let begun = Instant::now();
    while tool.ask(&["print", &target])?.is_some() {
        if begun.elapsed() > END_TIMEOUT {
            return outcome.and(Err(tool.failed(&["bootout", &target], "it is still there")));
        }
        sleep(PAUSE);
    }
    out!("stopped    {label}");
    Ok(())
}

/// Unloads agents and removes their files, even if launchd fails. Returns whether there were any.
pub(super) fn uninstall(folder: &Path, instances: &[String]) -> Result<bool, Failure> {
    let agents = launchd::installed(folder, instances);
    let mut outcome = Ok(());
    for (path, label) in &agents {
        outcome = outcome.and(unload_if_loaded(label));
        files::remove(path)?;
    }
    outcome.map(|()| !agents.is_empty())
}

fn unload_if_loaded(label: &str) -> Result<(), Failure> {
    match LAUNCHCTL_TO_REMOVE.ask(&["print", &target(label)])? {
        Some(_) => unload(&LAUNCHCTL_TO_REMOVE, label),
        None => Ok(()),
    }
}

/// The domain of the graphical login.
fn domain() -> String {
    format!("gui/{}", getuid().as_raw())
}

fn target(label: &str) -> String {
    format!("{}/{label}", domain())
}
