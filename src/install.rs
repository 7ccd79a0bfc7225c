//! Installs the proxy and its tunnels as services of launchd or systemd.
//!
//! Both are compiled everywhere, so that both are tested everywhere.

mod files;
mod installed;
mod launchctl;
mod launchd;
mod place;
mod systemctl;
mod systemd;
mod template;
mod tool;

use clap::ValueEnum;

pub(crate) use self::files::File;
pub(crate) use self::installed::restart_command;
pub(crate) use self::place::{Home, has_lima, program, search_path};
use crate::terminal::failure::Failure;

/// The system that runs services.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Platform {
    /// launchd
    Macos,
    /// systemd
    Linux,
}

impl Platform {
    /// This computer's.
    pub(crate) fn here() -> Self {
        if cfg!(target_os = "macos") { Self::Macos } else { Self::Linux }
    }
}

/// A complete installation.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The program's path.
    pub(crate) program: String,
    /// The folder of settings, CA and logs.
    pub(crate) dir: String,
    /// Lima's folder of VMs.
    pub(crate) lima_home: String,
    /// `PATH` of the tunnels, for `ssh` and `limactl`.
    pub(crate) path: String,
    /// The port that stays bound while the proxy restarts, if any.
    pub(crate) sockets: Option<u16>,
    pub(crate) tunnels: Vec<Tunnel>,
}

/// A VM, and its ssh host if it is not Lima's.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) instance: String,
    pub(crate) ssh_host: Option<SshHost>,
}

/// An entry of an `ssh_config` file.
#[derive(Debug)]
pub(crate) struct SshHost {
    pub(crate) ssh_config: String,
    pub(crate) host: String,
}

/// All files of the plan, with their paths.
pub(crate) fn files(platform: Platform, home: &Home, plan: &Plan) -> Result<Vec<File>, Failure> {
    match platform {
        Platform::Macos => launchd::files(&home.agents(), plan),
        Platform::Linux => systemd::files(&home.units(), plan),
    }
}

/// Whether the service manager holds the port already; a later install keeps that.
pub(crate) fn has_sockets(platform: Platform, home: &Home) -> bool {
    match platform {
        Platform::Macos => launchd::has_sockets(&home.agents()),
        Platform::Linux => systemd::has_sockets(&home.units()),
    }
}

/// Writes the files and starts the services, printing each step. Returns whether anything changed.
pub(crate) fn install(platform: Platform, home: &Home, plan: &Plan) -> Result<bool, Failure> {
    match platform {
        Platform::Macos => launchctl::install(&home.agents(), plan),
        Platform::Linux => systemctl::install(&home.units(), plan),
    }
}

/// The files that `install` created: all, or those of some tunnels.
pub(crate) fn installed(platform: Platform, home: &Home, instances: &[String]) -> Vec<std::path::PathBuf> {
    match platform {
        Platform::Macos => launchd::installed(&home.agents(), instances).into_iter().map(|(path, _)| path).collect(),
        Platform::Linux => systemd::installed(&home.units(), instances).files,
    }
}

/// Stops the services and removes their files, printing each step. Returns whether anything changed.
pub(crate) fn uninstall(platform: Platform, home: &Home, instances: &[String]) -> Result<bool, Failure> {
    match platform {
        Platform::Macos => launchctl::uninstall(&home.agents(), instances),
        Platform::Linux => systemctl::uninstall(&home.units(), instances),
    }
}
