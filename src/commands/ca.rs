//! `ca`: the certificate that the VM must trust.

use std::process::ExitCode;

use actors::RootCertificate;
use actors::folder::Folder;

use crate::cli::{CaArgs, CaCommand};
use crate::failure::Failure;
use crate::settings::folder_path;

pub(crate) fn main(arguments: &CaArgs) -> Result<ExitCode, Failure> {
    let folder = Folder::at(&folder_path(&arguments.folder)?);
    let certificate = RootCertificate::read(&folder.authority()).map_err(Failure::not_well)?;
    match arguments.command.unwrap_or(CaCommand::Show) {
        CaCommand::Show => {
            say!("file         {}", folder.authority().join("ca-cert.pem").display());
            say!("fingerprint  {} (SHA-256)", certificate.fingerprint);
            say!("valid until  {}", certificate.not_after);
        }
        CaCommand::Export => say!("{}", certificate.pem.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}
