//! `ca`.

use clap::{Args, Subcommand};

use super::FolderArgs;

#[derive(Args, Debug)]
pub(crate) struct CaArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    #[command(subcommand)]
    pub(crate) command: Option<CaCommand>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Print the fingerprint, the end of validity and where the file is; of the next root, too
    Show,
    /// Print the certificate as PEM; while another root waits, both, so that the VM can trust both
    Export,
    /// Make another root beside the one in use, or begin to use it with --finish
    #[command(after_help = "Example: secret-proxy ca rotate\n\n\
        1. secret-proxy ca rotate                           makes the next root; the one in use stays in use\n\
        2. secret-proxy ca export > secret-proxy-ca.pem     both: bring the file to each VM again\n\
        3. secret-proxy doctor INSTANCE                     says whether the VM trusts both\n\
        4. secret-proxy ca rotate --finish                  uses the next one and deletes the old key")]
    Rotate {
        /// Use the next root from now on, and delete the key of the old one
        #[arg(long)]
        finish: bool,

        /// Although it was never exported, or a VM does not trust it yet
        #[arg(long, requires = "finish")]
        force: bool,
    },
}
