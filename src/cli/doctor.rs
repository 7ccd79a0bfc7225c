//! `doctor`.

use std::path::PathBuf;

use clap::Args;

use super::FolderArgs;

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// A VM to look at too, by ssh: Lima's of that name, or what the tunnel to --host is called
    /// [default: this computer alone]
    #[arg(value_name = "INSTANCE")]
    pub(crate) instance: Option<String>,

    /// The ssh configuration of a VM that is not Lima's
    #[arg(long, value_name = "FILE", requires = "host")]
    pub(crate) ssh_config: Option<PathBuf>,

    /// Its name there; without --ssh-config in ~/.ssh/config
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,

    /// Read the secrets even from a pipe, for which 1Password may ask
    #[arg(long)]
    pub(crate) read_mount: bool,

    /// Print all links as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
