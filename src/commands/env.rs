//! `env`: the variables that programs in a VM need, for a shell to read.

mod quote;
mod variables;

use std::process::ExitCode;

use actors::folder::Folder;
use clap::Args;
use policy::record::acts_on_terminals;

use self::quote::Shell;
use self::variables::{Client, Line};
use crate::settings::{DEFAULT_PORT, FolderArgs, folder_path, listen_port};
use crate::terminal::failure::Failure;

#[derive(Args, Debug)]
pub(crate) struct EnvArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// Syntax of the output
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    shell: Shell,

    /// Port of the reverse tunnel in the VM, on 127.0.0.1 [default: the proxy's port in the settings]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    /// PEM file in the VM; programs trust only this file. Needed if the VM's system does not trust the proxy's
    /// certificate [default: the certificates that the VM's system trusts]
    #[arg(long, value_name = "FILE")]
    ca: Option<String>,
}

pub(crate) fn main(arguments: &EnvArgs) -> Result<ExitCode, Failure> {
    let ca = arguments.ca.as_deref().map(checked).transpose()?;
    let client = Client { port: port(arguments)?, ca, shell: arguments.shell };
    let (opening, closing) = quote::frame(arguments.shell);
    let lines = client.lines().into_iter().map(|line| match line {
        Line::Set(name, value) => quote::assignment(arguments.shell, name, &value),
        Line::Comment(text) => quote::comment(arguments.shell, &text),
    });
    for line in opening.map(str::to_owned).into_iter().chain(lines).chain(closing.map(str::to_owned)) {
        out!("{line}");
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

/// The file is the VM's, so only the spelling of its path can be checked. The path stands in comments too, which a
/// line end would terminate.
fn checked(ca: &str) -> Result<&str, Failure> {
    if !ca.starts_with('/') {
        return Err(Failure::usage(format!(
            "--ca: {ca:?}: write an absolute path, such as /home/me/secret-proxy-ca.pem"
        )));
    }
    if ca.chars().any(|character| character.is_control() || acts_on_terminals(character)) {
        return Err(Failure::usage(format!(
            "--ca: {ca:?}: the name has a control character or an invisible one: rename the file"
        )));
    }
    Ok(ca)
}
