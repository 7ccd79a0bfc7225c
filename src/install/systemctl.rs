//! Enables, starts and stops systemd units.

use std::fs;
use std::path::Path;

use super::Plan;
use super::files::{self, File};
use super::systemd::{self, PROXY, SOCKET, tunnel_unit};
use super::tool::Tool;
use crate::terminal::failure::Failure;

const SYSTEMCTL: Tool = Tool {
    program: "systemctl",
    first: &["--user"],
    advice: "check systemctl --user status secret-proxy (without a bus: log in as this user itself, not by su or \
             sudo), and run the command again",
    absent: "there is no systemd here: let this computer's service manager run 'secret-proxy run'",
};

const SYSTEMCTL_TO_REMOVE: Tool = SYSTEMCTL.for_removal();

/// The state of a unit.
#[derive(Clone, Copy, Default)]
struct State {
    active: bool,
    enabled: bool,
    /// Its file changed since systemd read it.
    outdated: bool,
}

/// Starts new units and restarts changed ones. Returns whether there were any.
pub(super) fn install(folder: &Path, plan: &Plan) -> Result<bool, Failure> {
    let tunnels = plan.tunnels.iter().map(|it| tunnel_unit(&it.instance));
    let socket = plan.sockets.map(|_| SOCKET.to_owned());
    let units: Vec<String> = socket.into_iter().chain([PROXY.to_owned()]).chain(tunnels).collect();
    // Fails without systemd, before anything is written.
    ask(PROXY)?;
    let changed = write(folder, plan)?;
    let mut outdated = Vec::new();
    for unit in &units {
        outdated.push(ask(unit)?.outdated || changed.iter().any(|path| is_about(path, unit)));
    }
    let any = outdated.contains(&true) || !changed.is_empty();
    if any {
        SYSTEMCTL.run(&["daemon-reload"])?;
    }
    let mut acted = any;
    for (unit, outdated) in units.iter().zip(outdated) {
        acted |= start(unit, outdated)?;
    }
    Ok(acted)
}

/// Writes files that differ and removes stale ones; returns the paths of both.
fn write(folder: &Path, plan: &Plan) -> Result<Vec<std::path::PathBuf>, Failure> {
    let mut changed = Vec::new();
    // All are checked before the first is written.
    let files = systemd::files(folder, plan)?;
    let there: Vec<bool> = files.iter().map(File::is_there).collect::<Result<_, _>>()?;
    for (file, _) in files.iter().zip(there).filter(|(_, there)| !there) {
        file.write()?;
        changed.push(file.path.clone());
    }
    for tunnel in plan.tunnels.iter().filter(|it| it.ssh_host.is_none()) {
        let path = systemd::ssh_host_path(folder, &tunnel.instance);
        if files::is_ours(&path) {
            remove(&path)?;
            changed.push(path);
        }
    }
    Ok(changed)
}

/// Whether the file at this path configures this unit.
fn is_about(path: &Path, unit: &str) -> bool {
    let path = path.to_string_lossy();
    let template = unit.split_once('@').map(|(name, _)| format!("/{name}@.service"));
    path.ends_with(&format!("/{unit}"))
        || path.contains(&format!("/{unit}.d/"))
        || template.is_some_and(|template| path.ends_with(&template))
}

fn ask(unit: &str) -> Result<State, Failure> {
    let words = ["show", "--property=ActiveState,UnitFileState,NeedDaemonReload", unit];
    let shown = SYSTEMCTL.ask(&words)?.unwrap_or_default();
    let says = |line: &str| shown.lines().any(|shown| shown == line);
    Ok(State {
        active: says("ActiveState=active"),
        enabled: says("UnitFileState=enabled"),
        outdated: says("NeedDaemonReload=yes"),
    })
}

fn start(unit: &str, outdated: bool) -> Result<bool, Failure> {
    let state = ask(unit)?;
    if state.active && state.enabled && !outdated {
        out!("unchanged  {unit}, which runs");
        return Ok(false);
    }
    // The port must be free before systemd can take it.
    if unit == SOCKET && ask(PROXY)?.active {
        SYSTEMCTL.run(&["stop", PROXY])?;
        out!("stopped    {PROXY}");
    }
    if state.active && outdated {
        SYSTEMCTL.run(&["enable", unit])?;
        SYSTEMCTL.run(&["restart", unit])?;
        out!("restarted  {unit}");
    } else {
        SYSTEMCTL.run(&["enable", "--now", unit])?;
        out!("started    {unit}");
    }
    Ok(true)
}

/// Stops units and removes their files, even if systemd fails. Returns whether there were any.
pub(super) fn uninstall(folder: &Path, instances: &[String]) -> Result<bool, Failure> {
    let installed = systemd::installed(folder, instances);
    let stopped = stop(&installed.units);
    if stopped.is_err() {
        systemd::links(folder, &installed.units).iter().try_for_each(|link| files::remove(link))?;
    }
    for path in &installed.files {
        remove(path)?;
    }
    let reloaded = if installed.files.is_empty() { Ok(()) } else { SYSTEMCTL_TO_REMOVE.run(&["daemon-reload"]) };
    stopped.and(reloaded)?;
    Ok(!installed.units.is_empty() || !installed.files.is_empty())
}

fn stop(units: &[String]) -> Result<(), Failure> {
    if units.is_empty() {
        return Ok(());
    }
    let names = units.iter().map(String::as_str);
    SYSTEMCTL_TO_REMOVE.run(&["disable", "--now"].into_iter().chain(names).collect::<Vec<_>>())?;
    units.iter().for_each(|unit| out!("stopped    {unit}"));
    Ok(())
}

/// Removes a file, and its folder if that belonged to this unit alone and is empty now.
fn remove(path: &Path) -> Result<(), Failure> {
    files::remove(path)?;
    if let Some(folder) = path.parent().filter(|folder| folder.extension().is_some_and(|it| it == "d")) {
        // Fails if it holds a file of the user.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}
