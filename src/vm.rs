//! What VMs are called, and where Lima has them: one rule for every command.

pub(crate) mod child;
pub(crate) mod locate;
pub(crate) mod ssh;
pub(crate) mod trust;

use std::env;
use std::path::PathBuf;

use actors::tunnels::report::is_name;

use crate::terminal::failure::Failure;

/// The name of a VM, which becomes part of file names and labels.
pub(crate) fn name(text: &str) -> Result<(), Failure> {
    if is_name(text) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "'{}' is not the name of a VM: letters, digits, '.', '_' and '-', beginning with a letter or digit, 100 at most",
        text.escape_debug()
    )))
}

/// A Host of an `ssh_config` file, or `user@host`: nothing that ssh would take for an option, or for more than one
/// word.
pub(crate) fn host(text: &str) -> Result<(), Failure> {
    let is_odd = |character: char| character.is_whitespace() || character.is_control();
    if !text.is_empty() && !text.starts_with('-') && !text.contains(is_odd) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--host: '{}' is not a Host of an ssh_config file: name one, or write user@host",
        text.escape_debug()
    )))
}

/// What the tunnel to a host is called that was given no name.
pub(crate) fn name_of_host(host: &str) -> String {
    let host = host.rsplit('@').next().unwrap_or_default();
    if is_name(host) { host.to_owned() } else { "vm".to_owned() }
}

/// Lima's folder of VMs. One that is named from here is named from the root on: what is to be typed, and what is
/// installed, is used elsewhere.
pub(crate) fn lima_home() -> Result<PathBuf, Failure> {
    if let Some(set) = env::var_os("LIMA_HOME").filter(|set| !set.is_empty()) {
        return std::path::absolute(&set).map_err(|error| Failure::usage(format!("LIMA_HOME: {error}")));
    }
    Ok(home()?.join(".lima"))
}

/// This user's home folder, of which the system is asked if `HOME` does not tell.
pub(crate) fn home() -> Result<PathBuf, Failure> {
    etcetera::home_dir().map_err(|_| Failure::usage("there is no home folder: set HOME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_names() {
        for (text, good) in [("work", true), ("my-vm.2", true), (".x", false), ("a b", false), ("", false)] {
            assert_eq!(name(text).is_ok(), good, "{text:?}");
        }
        assert!(name(&"x".repeat(100)).is_ok() && name(&"x".repeat(101)).is_err());
    }

    #[test]
    fn table_of_hosts() {
        for (text, good) in
            [("build", true), ("me@build", true), ("me@::1", true), ("-oX", false), ("a b", false), ("", false)]
        {
            assert_eq!(host(text).is_ok(), good, "{text:?}");
        }
        assert_eq!(["me@build", "build", "me@::1"].map(name_of_host), ["build", "build", "vm"]);
    }
}
