//! The daemon, and its report about tunnels.

use actors::hint::Hint;
use actors::status::SubsystemState;
use actors::tunnels::report::{TunnelReport, TunnelState};

use super::{Installation, Link, Verdict, port};
use crate::settings::joined;
use crate::terminal::escape::visible;
use crate::terminal::hints::quoted;

const TUNNELS: &str = "tunnels";

pub(super) fn daemon(installation: &Installation) -> Link {
    const NAME: &str = "daemon";
    let Some(status) = &installation.status else {
        let taken = port::taken(installation);
        if taken.is_empty() {
            return Link::fail(NAME, "it does not run", installation.start());
        }
        return Link::not_looked_at(NAME, "it does not run, and cannot: see listening");
    };
    let (version, parts) = (&status.version, &status.subsystems);
    let down = parts.iter().filter(|it| it.state != SubsystemState::Running);
    let down: Vec<&String> = down.map(|it| &it.name).collect();
    if !down.is_empty() {
        let detail = format!("being started again: {}", visible(&joined(down)));
        return Link::warn(NAME, detail, format!("tail {}", quoted(&installation.folder.proxy_log())));
    }
    if *version != env!("CARGO_PKG_VERSION") {
        let detail = format!("it is version {}, this is {}", visible(version), env!("CARGO_PKG_VERSION"));
        return Link::warn(NAME, detail, installation.restart(status));
    }
    let (pid, up) = (status.pid, status.uptime_s);
    Link::ok(NAME, format!("version {version}, pid {pid}, up {up} s, {} parts run", parts.len()))
}

/// As their keepers report them.
pub(super) fn tunnels(installation: &Installation) -> Link {
    match &installation.status {
        None => Link::not_looked_at(TUNNELS, "the daemon does not run"),
        Some(status) => keepers(installation, &status.tunnels),
    }
}

fn keepers(installation: &Installation, tunnels: &[TunnelReport]) -> Link {
    let detail = joined(tunnels.iter().map(in_words));
    let with = |wanted| tunnels.iter().find(|tunnel| verdict(tunnel) == wanted);
    if let Some(tunnel) = with(Verdict::Fail) {
        let instance = visible(&tunnel.instance);
        let errors = installation.folder.path().join(format!("tunnel-{instance}.err"));
        let fix = if tunnel.state == TunnelState::Silent {
            // Its keeper has ended.
            Hint::run(format!("tunnel {instance}"))
        } else if errors.exists() {
            format!("tail {}", quoted(&errors)).into()
        } else {
            // Only launchd writes such a file. The keeper's error is in the detail; the cause is in the VM.
            Hint::run(format!("doctor {instance}"))
        };
        return Link::fail(TUNNELS, detail, fix);
    }
    match with(Verdict::Warn) {
        Some(_) => Link { verdict: Verdict::Warn, ..Link::ok(TUNNELS, detail) },
        None if tunnels.is_empty() => Link::ok(TUNNELS, "no keeper of a tunnel reports"),
        None => Link::ok(TUNNELS, detail),
    }
}

/// A stopped VM is no failure.
fn verdict(tunnel: &TunnelReport) -> Verdict {
    match tunnel.state {
        TunnelState::Up => Verdict::Ok,
        TunnelState::Connecting | TunnelState::VmStopped => Verdict::Warn,
        _ => Verdict::Fail,
    }
}

fn in_words(tunnel: &TunnelReport) -> String {
    let error = tunnel.last_error.as_ref().filter(|_| verdict(tunnel) != Verdict::Ok);
    let error = error.map_or_else(String::new, |error| format!(" ({})", visible(error)));
    format!("{} {}{error}", visible(&tunnel.instance), tunnel.state.as_str())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use actors::folder::Folder;
    use actors::tunnels::report::TunnelMode;

    use super::*;
    use crate::terminal::failure::Failure;
    use crate::terminal::hints::Hints;

    fn link(folder: &Path, states: &[&str]) -> Link {
        let report = |state: &&str| TunnelReport {
            instance: "work".to_owned(),
            mode: TunnelMode::Dedicated,
            state: serde_json::from_value((*state).into()).expect("a state"),
            since: String::new(),
            last_error: Some("the port\u{1b} is taken".to_owned()),
        };
        let tunnels: Vec<TunnelReport> = states.iter().map(report).collect();
        let folder = Folder::at(folder);
        let (settings, hints) = (Err(Failure::usage("")), Hints::new(&folder, false));
        keepers(&Installation { settings, status: None, hints, reads_pipe: false, folder }, &tunnels)
    }

    #[test]
    fn the_worst_tunnel_decides() {
        for (states, verdict) in [
            (&[][..], Verdict::Ok),
            (&["up", "up"], Verdict::Ok),
            (&["up", "vm-stopped"], Verdict::Warn),
            (&["connecting", "port-taken"], Verdict::Fail),
            (&["a word of a later version"], Verdict::Fail),
        ] {
            assert_eq!(link(Path::new("/nowhere"), states).verdict, verdict, "{states:?}");
        }
    }

    #[test]
    fn what_is_to_be_typed_depends_on_whether_its_keeper_lives() {
        let folder = tempfile::tempdir().expect("a folder");
        let errors = Folder::at(folder.path()).path().join("tunnel-work.err");
        std::fs::write(&errors, "").expect("written");
        let nowhere = Path::new("/nowhere");
        let (taken, silent) = (link(folder.path(), &["port-taken"]), link(nowhere, &["up", "silent"]));
        assert_eq!(taken.detail, "work port-taken (the port\\u{1b} is taken)");
        assert_eq!(taken.fix, Some(format!("tail {}", quoted(&errors)).into()));
        let by_hand = link(nowhere, &["port-taken"]);
        assert_eq!(by_hand.fix, Some(Hint::run("doctor work")));
        assert_eq!(silent.fix, Some(Hint::run("tunnel work")));
    }
}
