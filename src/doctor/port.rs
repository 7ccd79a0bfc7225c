//! The check that the daemon answers at its addresses.

use std::net::{SocketAddr, TcpListener, TcpStream};

use actors::settings::Listen;
use tokio::process::Command;

use super::files::without_settings;
use super::ssh::Guest;
use super::{Installation, Link};
use crate::child::{Dialogue, run_blocking};
use crate::control::identify::{LIMIT, answers_as_ours};
use crate::settings::{DEFAULT_PORT, joined};
use crate::terminal::escape::visible;
use crate::terminal::hints::shell;

pub(super) fn listening(installation: &Installation, guest: Option<&Guest>) -> Link {
    const NAME: &str = "listening";
    let Some(status) = &installation.status else { return at_rest(installation, guest) };
    let addresses: Vec<&str> = status.listeners.iter().map(|listener| listener.address.as_str()).collect();
    for address in &addresses {
        if !answers_as_ours(address) {
            let detail = format!("{} does not answer as a secret-proxy does", visible(address));
            return Link::fail(NAME, detail, installation.restart(status));
        }
    }
    if let Some(other) = wanted(installation).into_iter().find(|wanted| !addresses.contains(&wanted.as_str())) {
        let detail = format!("it does not listen on {other}, which the settings name: they changed after its start");
        return Link::warn(NAME, detail, installation.restart(status));
    }
    Link::ok(NAME, joined(addresses.into_iter().map(visible)))
}

/// Whether the ports are free for a daemon that does not run.
fn at_rest(installation: &Installation, guest: Option<&Guest>) -> Link {
    const NAME: &str = "listening";
    if let Err(failure) = &installation.settings {
        return without_settings(NAME, failure);
    }
    let Some(address) = taken(installation).into_iter().next() else {
        return Link::not_looked_at(NAME, "the daemon does not run; its addresses are free");
    };
    // The fix must not end a healthy daemon of another folder.
    if answers_as_ours(&address.to_string()) {
        let detail = format!("{address} is taken by another secret-proxy");
        return Link::fail(NAME, detail, elsewhere(installation, address));
    }
    let (who, fix) = match holder(address) {
        Some((pid, program)) if program.starts_with("limactl") || program.starts_with("ssh") => (
            format!("{} (pid {pid}), which forwards the VM's port back to here", visible(&program)),
            ignore_rule(guest),
        ),
        Some((pid, program)) => (format!("{} (pid {pid})", visible(&program)), format!("kill {pid}")),
        None => ("another program".to_owned(), look_for(address)),
    };
    Link::fail(NAME, format!("{address} is taken by {who}"), fix)
}

/// Starts the daemon on a free port instead of this one.
fn elsewhere(installation: &Installation, taken: SocketAddr) -> String {
    let free = (taken.port()..=u16::MAX).skip(1).find(|port| TcpListener::bind((taken.ip(), *port)).is_ok());
    let free = Listen::Tcp(SocketAddr::new(taken.ip(), free.unwrap_or_default()));
    let addresses = installation.settings.iter().flat_map(|run| run.tree.listener.listen.iter());
    let listen = addresses.map(|it| if *it == Listen::Tcp(taken) { &free } else { it });
    let listen = listen.map(ToString::to_string).collect::<Vec<_>>().join(",");
    let run = installation.hints.command(&format!("run --listen {}", shell(&listen)));
    format!("{run}   # or SECRET_PROXY_LISTEN in settings.env")
}

/// Shows the program that holds the port.
fn look_for(address: SocketAddr) -> String {
    let port = address.port();
    if cfg!(target_os = "macos") {
        format!("lsof -nP -iTCP:{port} -sTCP:LISTEN")
    } else {
        format!("ss -ltnp sport = :{port}")
    }
}

/// Lima forwards each port of the VM to the same port here, unless a rule ignores it.
fn ignore_rule(guest: Option<&Guest>) -> String {
    let name = guest.and_then(Guest::instance).unwrap_or("VM");
    format!(
        "limactl stop {name} && limactl edit {name} --tty=false --set \
         '.portForwards = [{{\"guestPort\": {DEFAULT_PORT}, \"ignore\": true}}] + (.portForwards // [])' && limactl start {name}"
    )
}

/// Addresses of the settings that are in use although the daemon does not run.
pub(super) fn taken(installation: &Installation) -> Vec<SocketAddr> {
    let addresses = installation.settings.iter().flat_map(|run| run.tree.listener.listen.iter());
    let tcp = addresses.filter_map(|listen| if let Listen::Tcp(address) = listen { Some(*address) } else { None });
    tcp.filter(|address| address.port() != 0 && TcpStream::connect_timeout(address, LIMIT).is_ok()).collect()
}

/// Addresses of the settings, but those with a port chosen by the system.
fn wanted(installation: &Installation) -> Vec<String> {
    let addresses = installation.settings.iter().flat_map(|run| run.tree.listener.listen.iter());
    let text = |listen: &Listen| match listen {
        Listen::Tcp(address) if address.port() == 0 => None,
        Listen::Tcp(address) => Some(address.to_string()),
        Listen::Unix(path) => Some(format!("unix:{}", path.display())),
    };
    addresses.filter_map(text).collect()
}

/// The pid and name of the program that listens there, if lsof knows them.
fn holder(address: SocketAddr) -> Option<(u32, String)> {
    let mut command = Command::new("lsof");
    command.arg("-nP").arg(format!("-iTCP:{}", address.port())).args(["-sTCP:LISTEN", "-Fpc"]);
    let text = run_blocking(command, Dialogue::default(), LIMIT).ok()?.stdout();
    let field = |mark: char| text.lines().find_map(|line| line.strip_prefix(mark).map(str::to_owned));
    Some((field('p')?.parse().ok()?, field('c')?))
}
