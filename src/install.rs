//! Having launchd or systemd run the proxy and its tunnels: the files that say so, and the steps that
//! make it so. Both are compiled everywhere, so that both are tested everywhere.

mod files;
mod installed;
mod launchctl;
mod launchd;
mod place;
mod systemctl;
mod systemd;
mod template;
mod tool;

pub(crate) use self::files::File;
pub(crate) use self::installed::restart_command;
pub(crate) use self::place::{Home, has_lima, program, search_path};
use crate::cli::service::Platform;
use crate::terminal::failure::Failure;

/// What is to be installed.
#[derive(Debug)]
pub(crate) struct Wish {
    /// The program's path.
    pub(crate) program: String,
    /// The folder of settings, CA and logs.
    pub(crate) dir: String,
    /// Lima's folder of VMs.
    pub(crate) lima_home: String,
    /// Where tunnels find `ssh` and `limactl`.
    pub(crate) path: String,
    /// The port that is held while the proxy restarts, if one is.
    pub(crate) sockets: Option<u16>,
    pub(crate) tunnels: Vec<Tunnel>,
}

/// A VM, and how it is reached if it is not Lima's.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) instance: String,
    pub(crate) way: Option<Way>,
}

/// An entry of an `ssh_config` file.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) ssh_config: String,
    pub(crate) host: String,
}

/// All files of the wish, at their places.
pub(crate) fn files(platform: Platform, home: &Home, wish: &Wish) -> Result<Vec<File>, Failure> {
    match platform {
        Platform::Macos => launchd::files(&home.agents(), wish),
        Platform::Linux => systemd::files(&home.units(), wish),
    }
}

/// Whether the port is held already: once it is, it stays so.
pub(crate) fn has_sockets(platform: Platform, home: &Home) -> bool {
    match platform {
        Platform::Macos => launchd::has_sockets(&home.agents()),
        Platform::Linux => systemd::has_sockets(&home.units()),
    }
}

/// Writes the files and starts what they describe, a line a step. Whether anything had to be done.
pub(crate) fn install(platform: Platform, home: &Home, wish: &Wish) -> Result<bool, Failure> {
    match platform {
        Platform::Macos => launchctl::install(&home.agents(), wish),
        Platform::Linux => systemctl::install(&home.units(), wish),
    }
}

/// The files that `install` made: all, or those of some tunnels.
pub(crate) fn installed(platform: Platform, home: &Home, instances: &[String]) -> Vec<std::path::PathBuf> {
    match platform {
        Platform::Macos => launchd::installed(&home.agents(), instances).into_iter().map(|(path, _)| path).collect(),
        Platform::Linux => systemd::installed(&home.units(), instances).files,
    }
}

/// Stops what was installed and removes its files, a line a step. Whether anything had to be done.
pub(crate) fn uninstall(platform: Platform, home: &Home, instances: &[String]) -> Result<bool, Failure> {
    match platform {
        Platform::Macos => launchctl::uninstall(&home.agents(), instances),
        Platform::Linux => systemctl::uninstall(&home.units(), instances),
    }
}
