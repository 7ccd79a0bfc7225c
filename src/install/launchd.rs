//! The text of the launchd agents. `launchd/README.md` has the reason for each key.

use std::path::{Path, PathBuf};

use actors::tunnels::report::is_name;

use super::files::{self, File};
use super::template::{fill, with_part, xml};
use super::{Plan, Tunnel};
use crate::terminal::failure::Failure;

const PROXY: &str = include_str!("../../launchd/secret-proxy.plist");
const TUNNEL: &str = include_str!("../../launchd/secret-proxy-tunnel.plist");
const SOCKETS: &str = include_str!("../../launchd/sockets.plist");
const WAY: &str = include_str!("../../launchd/ssh.plist");

/// launchd's label for the proxy.
pub(super) const LABEL: &str = "local.secret-proxy";
const TUNNEL_LABEL: &str = "local.secret-proxy-tunnel.";

/// launchd's label for the tunnel into this VM.
pub(super) fn tunnel_label(instance: &str) -> String {
    format!("{TUNNEL_LABEL}{instance}")
}

fn path(folder: &Path, label: &str) -> PathBuf {
    folder.join(format!("{label}.plist"))
}

/// The proxy's agent first.
pub(super) fn files(folder: &Path, plan: &Plan) -> Result<Vec<File>, Failure> {
    let mut files = vec![File { path: path(folder, LABEL), text: proxy(plan)? }];
    for it in &plan.tunnels {
        files.push(File { path: path(folder, &tunnel_label(&it.instance)), text: tunnel(plan, it)? });
    }
    Ok(files)
}

fn proxy(plan: &Plan) -> Result<String, Failure> {
    let port = plan.sockets.map(|port| port.to_string());
    let template = with_part(PROXY, "@SOCKETS@", port.as_ref().map(|_| SOCKETS));
    let port = port.unwrap_or_default();
    fill(&template, &[("PROGRAM", &plan.program), ("DIR", &plan.dir), ("PORT", &port)], xml)
}

fn tunnel(plan: &Plan, tunnel: &Tunnel) -> Result<String, Failure> {
    let template = with_part(TUNNEL, "@WAY@", tunnel.ssh_host.as_ref().map(|_| WAY));
    let mut values: Vec<(&str, &str)> = vec![
        ("PROGRAM", &plan.program),
        ("DIR", &plan.dir),
        ("INSTANCE", &tunnel.instance),
        ("LIMA_HOME", &plan.lima_home),
        ("PATH", &plan.path),
    ];
    if let Some(ssh_host) = &tunnel.ssh_host {
        values.extend([("SSH_CONFIG", ssh_host.ssh_config.as_str()), ("HOST", ssh_host.host.as_str())]);
    }
    fill(&template, &values, xml)
}

/// Whether launchd holds the port for the installed agent.
pub(super) fn has_sockets(folder: &Path) -> bool {
    std::fs::read_to_string(path(folder, LABEL)).is_ok_and(|text| text.contains("<key>Sockets</key>"))
}

/// An agent installed by Nix: two proxies cannot share the port.
pub(super) fn of_nix(folder: &Path) -> Option<PathBuf> {
    let labels = ["org.nixos.secret-proxy", "org.nix-community.home.secret-proxy"];
    labels.map(|label| path(folder, label)).into_iter().find(|path| path.symlink_metadata().is_ok())
}

/// Our installed agents with their labels, tunnels first: all, or the tunnels into some VMs.
pub(super) fn installed(folder: &Path, instances: &[String]) -> Vec<(PathBuf, String)> {
    let wanted = |label: &str| match label.strip_prefix(TUNNEL_LABEL) {
        Some(instance) if instances.is_empty() => is_name(instance),
        Some(instance) => instances.iter().any(|it| it == instance),
        None => instances.is_empty() && label == LABEL,
    };
    let names = files::names(folder);
    let labels = names.iter().filter_map(|name| name.strip_suffix(".plist")).filter(|label| wanted(label));
    let agents = labels.map(|label| (path(folder, label), label.to_owned()));
    let mut agents: Vec<_> = agents.filter(|(path, _)| files::is_ours(path)).collect();
    agents.sort_by_key(|(_, label)| label == LABEL);
    agents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::systemd::tests::awkward;

    #[test]
    fn the_agents_are_those_of_the_golden_files() {
        let folder = Path::new("/agents");
        let texts = |plan| files(folder, &plan).expect("good values").into_iter().map(|file| file.text);
        let golden = [
            include_str!("../../tests/services/golden/secret-proxy.plist"),
            include_str!("../../tests/services/golden/secret-proxy-tunnel.plist"),
            include_str!("../../tests/services/golden/secret-proxy-tunnel-by-ssh.plist"),
        ];
        assert!(texts(awkward(None)).eq(golden));
        let held = include_str!("../../tests/services/golden/secret-proxy-with-sockets.plist");
        assert_eq!(texts(awkward(Some(17329))).next().as_deref(), Some(held));
    }
}
