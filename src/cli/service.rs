//! The command line of `install` and `uninstall`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::FolderArgs;

#[derive(Args, Debug)]
pub(crate) struct InstallArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// VMs to keep a tunnel into, by the names that limactl list shows
    #[arg(value_name = "INSTANCE")]
    pub(crate) instances: Vec<String>,

    /// For one VM that is not Lima's: the file that tells ssh how it is reached, such as ~/.ssh/config
    #[arg(long, value_name = "FILE", requires = "host")]
    pub(crate) ssh_config: Option<PathBuf>,

    /// The VM's Host in that file
    #[arg(long, value_name = "HOST", requires = "ssh_config")]
    pub(crate) host: Option<String>,

    /// Let launchd or systemd hold the port and the socket, so that they are never free for another program
    #[arg(long)]
    pub(crate) sockets: bool,

    /// Print the files, each under its path, and do nothing
    #[arg(long)]
    pub(crate) print: bool,

    /// As on another platform
    #[arg(long, hide = true)]
    pub(crate) platform: Option<Platform>,
}

#[derive(Args, Debug)]
pub(crate) struct UninstallArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// Only the tunnels into these VMs [default: everything]
    #[arg(value_name = "INSTANCE")]
    pub(crate) instances: Vec<String>,

    /// Print the paths of the files that would go, and do nothing
    #[arg(long)]
    pub(crate) print: bool,

    /// As on another platform
    #[arg(long, hide = true)]
    pub(crate) platform: Option<Platform>,
}

/// Who starts the proxy.
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
