//! The arguments of `tunnel`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::FolderArgs;

#[derive(Args, Debug)]
pub(crate) struct TunnelArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// The VM: Lima's name for it, or with --ssh-config any name that you give it
    #[arg(value_name = "INSTANCE")]
    pub(crate) instance: String,

    /// Whose ssh connection the tunnel goes through
    #[arg(long, value_enum, default_value_t = Mode::Dedicated)]
    pub(crate) mode: Mode,

    /// Where the tunnel ends on this side
    #[arg(long, value_enum, default_value_t = End::Socket)]
    pub(crate) target: End,

    /// The port in the VM, on its 127.0.0.1
    #[arg(long, default_value_t = 17329, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) guest_port: u16,

    /// For a VM that is not Lima's: the ssh config file that tells how it is reached, without a password
    #[arg(long, value_name = "FILE", requires = "host")]
    pub(crate) ssh_config: Option<PathBuf>,

    /// The VM's Host in that file
    #[arg(long, value_name = "NAME", requires = "ssh_config")]
    pub(crate) host: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Mode {
    /// One of its own, which ends with it
    Dedicated,
    /// The one that the ssh config names by `ControlPath`, such as Lima's; it is left as it is
    Shared,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum End {
    /// In the proxy's Unix socket, which other users of this computer cannot reach
    Socket,
    /// In the proxy's TCP port
    Port,
}
