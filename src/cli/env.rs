//! The words of `env`.

use clap::{Args, ValueEnum};

use super::FolderArgs;

#[derive(Args, Debug)]
pub(crate) struct EnvArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// For whom it is written
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    pub(crate) shell: Shell,

    /// The port on 127.0.0.1 where the proxy is, as the VM sees it [default: that of the settings]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,

    /// The one PEM file in the VM that all programs shall trust, for a VM that does not trust the proxy's
    /// certificate as a whole [default: what the VM's system trusts]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Shell {
    /// sh, bash, zsh, and /etc/environment
    Sh,
    /// fish
    Fish,
    /// A set of Nix, such as for environment.sessionVariables
    Nix,
}
