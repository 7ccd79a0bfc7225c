//! Enabling, starting and stopping units.

use std::fs;
use std::path::Path;

use super::Wish;
use super::files::{self, File};
use super::systemd::{self, PROXY, SOCKET, tunnel_unit};
use super::tool::Tool;
use crate::terminal::failure::Failure;

const SYSTEMCTL: Tool = Tool {
    program: "systemctl",
    first: &["--user"],
    advice: "see what systemctl --user status secret-proxy says (without a bus: log in as this user itself, not by \
             su or sudo), and run the same again",
    absent: "there is no systemd here: have what starts programs on this computer run 'secret-proxy run'",
};

const SYSTEMCTL_TO_REMOVE: Tool = SYSTEMCTL.for_removal();

/// How a unit is.
#[derive(Clone, Copy, Default)]
struct State {
    active: bool,
    enabled: bool,
    /// Its file is another one than systemd has read.
    outdated: bool,
}

/// Starts what is new, and again what has changed. Whether there was any such thing.
pub(super) fn install(folder: &Path, wish: &Wish) -> Result<bool, Failure> {
    let tunnels = wish.tunnels.iter().map(|it| tunnel_unit(&it.instance));
    let socket = wish.sockets.map(|_| SOCKET.to_owned());
    let units: Vec<String> = socket.into_iter().chain([PROXY.to_owned()]).chain(tunnels).collect();
    // Without systemd nothing is to be left behind.
    ask(PROXY)?;
    let changed = write(folder, wish)?;
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

/// Writes what differs and removes what is no more so; the paths of both.
fn write(folder: &Path, wish: &Wish) -> Result<Vec<std::path::PathBuf>, Failure> {
    let mut changed = Vec::new();
    // All are looked at before the first is written.
    let files = systemd::files(folder, wish)?;
    let there: Vec<bool> = files.iter().map(File::is_there).collect::<Result<_, _>>()?;
    for (file, _) in files.iter().zip(there).filter(|(_, there)| !there) {
        file.write()?;
        changed.push(file.path.clone());
    }
    for tunnel in wish.tunnels.iter().filter(|it| it.way.is_none()) {
        let path = systemd::way_path(folder, &tunnel.instance);
        if files::is_ours(&path) {
            remove(&path)?;
            changed.push(path);
        }
    }
    Ok(changed)
}

/// Whether the file at this path tells something of this unit.
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
        say!("unchanged  {unit}, which runs");
        return Ok(false);
    }
    // The port must be free before systemd can take it.
    if unit == SOCKET && ask(PROXY)?.active {
        SYSTEMCTL.run(&["stop", PROXY])?;
        say!("stopped    {PROXY}");
    }
    if state.active && outdated {
        SYSTEMCTL.run(&["enable", unit])?;
        SYSTEMCTL.run(&["restart", unit])?;
        say!("restarted  {unit}");
    } else {
        SYSTEMCTL.run(&["enable", "--now", unit])?;
        say!("started    {unit}");
    }
    Ok(true)
}

/// Stops units and removes their files, which go whatever systemd says. Whether there were any.
pub(super) fn uninstall(folder: &Path, instances: &[String]) -> Result<bool, Failure> {
    let installed = systemd::installed(folder, instances);
    let stopped = stop(&installed.units);
    if stopped.is_err() {
        systemd::links(folder, &installed.units).iter().try_for_each(|link| files::remove(link))?;
    }
    for path in &installed.files {
        remove(path)?;
    }
    let told = if installed.files.is_empty() { Ok(()) } else { SYSTEMCTL_TO_REMOVE.run(&["daemon-reload"]) };
    stopped.and(told)?;
    Ok(!installed.units.is_empty() || !installed.files.is_empty())
}

fn stop(units: &[String]) -> Result<(), Failure> {
    if units.is_empty() {
        return Ok(());
    }
    let names = units.iter().map(String::as_str);
    SYSTEMCTL_TO_REMOVE.run(&["disable", "--now"].into_iter().chain(names).collect::<Vec<_>>())?;
    units.iter().for_each(|unit| say!("stopped    {unit}"));
    Ok(())
}

/// Removes a file, and its folder if that was for this unit alone and is empty now.
fn remove(path: &Path) -> Result<(), Failure> {
    files::remove(path)?;
    if let Some(folder) = path.parent().filter(|folder| folder.extension().is_some_and(|it| it == "d")) {
        // It may hold a file of the user.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}
