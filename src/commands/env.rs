//! `env`: what the programs in a VM need to know of the proxy, for a shell to read.

mod quote;
mod variables;

use std::process::ExitCode;

use actors::folder::Folder;

use self::variables::{Client, Line};
use crate::cli::EnvArgs;
use crate::settings::{folder_path, listen_port};
use crate::terminal::failure::Failure;

/// The tunnel brings the proxy there if the settings do not say otherwise.
const DEFAULT_PORT: u16 = 17329;

pub(crate) fn main(arguments: &EnvArgs) -> Result<ExitCode, Failure> {
    let ca = arguments.ca.as_deref().map(checked).transpose()?;
    let client = Client { port: port(arguments)?, ca, shell: arguments.shell };
    let (opening, closing) = quote::frame(arguments.shell);
    let lines = client.lines().into_iter().map(|line| match line {
        Line::Set(name, value) => quote::assignment(arguments.shell, name, &value),
        Line::Comment(text) => quote::comment(arguments.shell, &text),
    });
    for line in opening.map(str::to_owned).into_iter().chain(lines).chain(closing.map(str::to_owned)) {
        say!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}

fn port(arguments: &EnvArgs) -> Result<u16, Failure> {
    if let Some(port) = arguments.port {
        return Ok(port);
    }
    let found = listen_port(&Folder::at(&folder_path(&arguments.folder)?))?;
    Ok(found.unwrap_or(DEFAULT_PORT))
}

/// The file is the VM's, so only its spelling can be judged. It stands in comments too, which a line end
/// would leave.
fn checked(ca: &str) -> Result<&str, Failure> {
    if !ca.starts_with('/') {
        return Err(Failure::usage(format!(
            "--ca: {ca:?}: write it from the root on, as /home/me/secret-proxy-ca.pem"
        )));
    }
    if ca.chars().any(char::is_control) {
        return Err(Failure::usage(format!("--ca: {ca:?}: a file with a control character in its name: rename it")));
    }
    Ok(ca)
}
