//! The name, place and ssh connection of a VM, for every command.

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
    let failure = Failure::usage(format!("'{}' is not the name of a VM", text.escape_debug()));
    Err(failure.hint("use at most 100 letters, digits, '.', '_' and '-', a letter or digit first"))
}

/// A Host of an `ssh_config` file, or `user@host`: nothing that ssh would take for an option or several words.
pub(crate) fn host(text: &str) -> Result<(), Failure> {
    let is_odd = |character: char| character.is_whitespace() || character.is_control();
    if !text.is_empty() && !text.starts_with('-') && !text.contains(is_odd) {
        return Ok(());
    }
    let failure = Failure::usage(format!("--host: '{}' is not a Host of an ssh_config file", text.escape_debug()));
    Err(failure.hint("name one, or write user@host"))
}

/// The name of the tunnel to a host that was given none.
pub(crate) fn name_of_host(host: &str) -> String {
    let host = host.rsplit('@').next().unwrap_or_default();
    if is_name(host) { host.to_owned() } else { "vm".to_owned() }
}

/// Lima's folder of VMs, as an absolute path: hints and installed services use it elsewhere.
pub(crate) fn lima_home() -> Result<PathBuf, Failure> {
    if let Some(set) = env::var_os("LIMA_HOME").filter(|set| !set.is_empty()) {
        return std::path::absolute(&set).map_err(|error| Failure::usage(format!("LIMA_HOME: {error}")));
    }
    Ok(home()?.join(".lima"))
}

/// This user's home folder: `HOME`, or else the system's entry.
pub(crate) fn home() -> Result<PathBuf, Failure> {
    etcetera::home_dir().map_err(|_| Failure::usage("there is no home folder").hint("set HOME"))
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
