//! The text of the systemd user units. `systemd/README.md` has the reason for each setting.

use std::path::{Path, PathBuf};

use actors::tunnels::report::is_name;

use super::files::{self, File};
use super::template::{fill, unit};
use super::{Plan, SshHost};
use crate::terminal::failure::Failure;

const PROXY_TEXT: &str = include_str!("../../systemd/secret-proxy.service");
const TUNNEL_TEXT: &str = include_str!("../../systemd/secret-proxy-tunnel@.service");
const SOCKET_TEXT: &str = include_str!("../../systemd/secret-proxy.socket");
const WAY_TEXT: &str = include_str!("../../systemd/ssh.conf");

/// systemd's names for the proxy, and for the port that it holds.
pub(super) const PROXY: &str = "secret-proxy.service";
pub(super) const SOCKET: &str = "secret-proxy.socket";
const TUNNEL: &str = "secret-proxy-tunnel@.service";
/// Where systemd links enabled tunnels.
const ENABLED: &str = "default.target.wants";

/// systemd's name for the tunnel into this VM.
pub(super) fn tunnel_unit(instance: &str) -> String {
    format!("secret-proxy-tunnel@{instance}.service")
}

/// The VM of a tunnel's unit, or of a name that has `suffix` after the unit's.
fn instance_of<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let instance = name.strip_suffix(suffix)?.strip_prefix("secret-proxy-tunnel@")?.strip_suffix(".service")?;
    Some(instance).filter(|instance| is_name(instance))
}

/// The drop-in for a VM that is not Lima's.
pub(super) fn ssh_host_path(folder: &Path, instance: &str) -> PathBuf {
    folder.join(format!("{}.d/ssh.conf", tunnel_unit(instance)))
}

/// The proxy's unit first.
pub(super) fn files(folder: &Path, plan: &Plan) -> Result<Vec<File>, Failure> {
    let mut files = vec![filled(folder.join(PROXY), PROXY_TEXT, plan, None)?];
    if plan.sockets.is_some() {
        files.push(filled(folder.join(SOCKET), SOCKET_TEXT, plan, None)?);
    }
    if !plan.tunnels.is_empty() {
        files.push(filled(folder.join(TUNNEL), TUNNEL_TEXT, plan, None)?);
    }
    for tunnel in &plan.tunnels {
        if let Some(ssh_host) = &tunnel.ssh_host {
            files.push(filled(ssh_host_path(folder, &tunnel.instance), WAY_TEXT, plan, Some(ssh_host))?);
        }
    }
    Ok(files)
}

fn filled(path: PathBuf, template: &str, plan: &Plan, ssh_host: Option<&SshHost>) -> Result<File, Failure> {
    let port = plan.sockets.unwrap_or_default().to_string();
    let mut values: Vec<(&str, &str)> = vec![
        ("PROGRAM", &plan.program),
        ("DIR", &plan.dir),
        ("LIMA_HOME", &plan.lima_home),
        ("PATH", &plan.path),
        ("PORT", &port),
    ];
    if let Some(ssh_host) = ssh_host {
        values.extend([("SSH_CONFIG", ssh_host.ssh_config.as_str()), ("HOST", ssh_host.host.as_str())]);
    }
    Ok(File { path, text: fill(template, &values, unit)? })
}

/// Whether systemd holds the port.
pub(super) fn has_sockets(folder: &Path) -> bool {
    files::is_ours(&folder.join(SOCKET))
}

/// Our installed units and files.
#[derive(Debug, Default)]
pub(super) struct Installed {
    /// In the order of stopping.
    pub(super) units: Vec<String>,
    pub(super) files: Vec<PathBuf>,
}

/// All, or the tunnels into some VMs.
pub(super) fn installed(folder: &Path, instances: &[String]) -> Installed {
    let wanted = |instance: &&str| instances.is_empty() || instances.iter().any(|it| it == instance);
    let mut found = Installed::default();
    if files::is_ours(&folder.join(TUNNEL)) {
        let enabled = files::names(&folder.join(ENABLED));
        let enabled = enabled.iter().filter_map(|name| instance_of(name, "")).filter(wanted);
        found.units.extend(enabled.map(tunnel_unit));
    }
    let names = files::names(folder);
    let ssh_hosts = names.iter().filter_map(|name| instance_of(name, ".d")).filter(wanted);
    found.files.extend(ssh_hosts.map(|instance| ssh_host_path(folder, instance)));
    if instances.is_empty() {
        found
            .units
            .extend([SOCKET, PROXY].map(str::to_owned).into_iter().filter(|it| files::is_ours(&folder.join(it))));
        found.files.extend([TUNNEL, SOCKET, PROXY].map(|name| folder.join(name)));
    }
    found.files.retain(|path| files::is_ours(path));
    found
}

/// The links of enabled units, which systemd removes itself if it can be asked.
pub(super) fn links(folder: &Path, units: &[String]) -> Vec<PathBuf> {
    let wants = files::names(folder).into_iter().filter(|name| name.strip_suffix(".wants").is_some());
    let links = wants.flat_map(|name| units.iter().map(move |unit| (name.clone(), unit)));
    links.map(|(name, unit)| folder.join(name).join(unit)).filter(|link| link.is_symlink()).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::install::Tunnel;

    /// The values of `tests/services/run`.
    pub(crate) fn awkward(sockets: Option<u16>) -> Plan {
        let ssh_host = SshHost { ssh_config: "/Users/a b/.ssh/R&D <50%>".to_owned(), host: "build-vm".to_owned() };
        Plan {
            program: "/Users/a b/bin/secret-proxy".to_owned(),
            dir: "/Users/a b/R&D <50%>/@PORT@".to_owned(),
            lima_home: "/Users/a b/.lima".to_owned(),
            path: "/opt/homebrew/bin:/usr/bin:/bin".to_owned(),
            sockets,
            tunnels: vec![
                Tunnel { instance: "my-vm.2".to_owned(), ssh_host: None },
                Tunnel { instance: "my-vm.2".to_owned(), ssh_host: Some(ssh_host) },
            ],
        }
    }

    #[test]
    fn the_units_are_those_of_the_golden_files() {
        let files = files(Path::new("/units"), &awkward(Some(17329))).expect("good values");
        let golden = [
            include_str!("../../tests/services/golden/secret-proxy.service"),
            include_str!("../../tests/services/golden/secret-proxy.socket"),
            include_str!("../../tests/services/golden/secret-proxy-tunnel@.service"),
            include_str!("../../tests/services/golden/ssh.conf"),
        ];
        assert!(files.iter().map(|file| file.text.as_str()).eq(golden));
        let last = "/units/secret-proxy-tunnel@my-vm.2.service.d/ssh.conf";
        assert_eq!(files.last().map(|file| file.path.as_path()), Some(Path::new(last)));
    }
}
