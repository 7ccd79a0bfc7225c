//! Where the daemon listens: that it is ours that answers there.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use actors::NOT_A_PROXY_REQUEST;
use actors::settings::Listen;

use super::files::without_settings;
use super::ssh::Guest;
use super::{Ground, Link, child};
use crate::settings::{DEFAULT_PORT, joined};
use crate::terminal::visible;
use crate::typed::shell;

const PATIENCE: Duration = Duration::from_secs(3);
/// More than our answer has.
const ANSWER_BYTES: u64 = 4096;

/// A request that is none for a proxy: it asks for nothing, and is answered by us in a way of our own.
pub(super) const QUESTION: &[u8] = b"GET / HTTP/1.1\r\nHost: doctor\r\nConnection: close\r\n\r\n";

/// Whether that is how we answer it.
pub(super) fn is_ours(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    text.starts_with("HTTP/1.1 400 ") && text.ends_with(NOT_A_PROXY_REQUEST)
}

pub(super) fn listening(ground: &Ground, guest: Option<&Guest>) -> Link {
    const NAME: &str = "listening";
    let Some(status) = &ground.status else { return at_rest(ground, guest) };
    let listeners = status["listeners"].as_array().map_or(&[][..], Vec::as_slice);
    let addresses: Vec<&str> = listeners.iter().filter_map(|it| it["address"].as_str()).collect();
    for address in &addresses {
        if !answers_as_ours(address) {
            let detail = format!("{} does not answer as a secret-proxy does", visible(address));
            return Link::fail(NAME, detail, ground.typed.restart(status));
        }
    }
    if let Some(other) = wanted(ground).into_iter().find(|wanted| !is_among(wanted, &addresses)) {
        let detail = format!("the settings name {other}, where it does not listen: they changed after its start");
        return Link::warn(NAME, detail, ground.typed.restart(status));
    }
    Link::ok(NAME, joined(addresses.into_iter().map(visible)))
}

/// Whether the ports are free for a daemon that does not run.
fn at_rest(ground: &Ground, guest: Option<&Guest>) -> Link {
    const NAME: &str = "listening";
    if let Err(failure) = &ground.settings {
        return without_settings(NAME, failure);
    }
    let Some(address) = taken(ground).into_iter().next() else {
        return Link::not_looked_at(NAME, "the daemon does not run; its addresses are free");
    };
    // A healthy one of another folder is not to be ended.
    if answers_as_ours(&address.to_string()) {
        let detail = format!("{address} is taken by another secret-proxy");
        return Link::fail(NAME, detail, elsewhere(ground, address));
    }
    let (who, fix) = match holder(address) {
        Some((pid, program)) if program.starts_with("limactl") || program.starts_with("ssh") => {
            (format!("{} (pid {pid}), which brings the VM's port back", visible(&program)), ignore_rule(guest))
        }
        Some((pid, program)) => (format!("{} (pid {pid})", visible(&program)), format!("kill {pid}")),
        None => ("another program".to_owned(), look_for(address)),
    };
    Link::fail(NAME, format!("{address} is taken by {who}"), fix)
}

/// Whether a secret-proxy listens at an address as `status` writes it.
pub(crate) fn answers_as_ours(address: &str) -> bool {
    asked(address).is_ok_and(|answer| is_ours(&answer))
}

/// Starts the daemon with a port that is free now in the place of this one.
fn elsewhere(ground: &Ground, taken: SocketAddr) -> String {
    let free = (taken.port()..=u16::MAX).skip(1).find(|port| TcpListener::bind((taken.ip(), *port)).is_ok());
    let free = Listen::Tcp(SocketAddr::new(taken.ip(), free.unwrap_or_default()));
    let addresses = ground.settings.iter().flat_map(|run| run.tree.listener.listen.iter());
    let listen = addresses.map(|it| if *it == Listen::Tcp(taken) { &free } else { it });
    let listen = listen.map(ToString::to_string).collect::<Vec<_>>().join(",");
    let run = ground.typed.ours(&format!("run --listen {}", shell(&listen)));
    format!("{run}   # or SECRET_PROXY_LISTEN in settings.env")
}

/// What tells its holder.
fn look_for(address: SocketAddr) -> String {
    let port = address.port();
    if cfg!(target_os = "macos") {
        format!("lsof -nP -iTCP:{port} -sTCP:LISTEN")
    } else {
        format!("ss -ltnp sport = :{port}")
    }
}

/// Lima brings each port of the guest to the same port here, unless it is told not to.
fn ignore_rule(guest: Option<&Guest>) -> String {
    let name = guest.and_then(Guest::instance).unwrap_or("INSTANCE");
    format!(
        "limactl stop {name} && limactl edit {name} --tty=false --set \
         '.portForwards = [{{\"guestPort\": {DEFAULT_PORT}, \"ignore\": true}}] + (.portForwards // [])' && limactl start {name}"
    )
}

/// Addresses of the settings that somebody listens on while the daemon does not run.
pub(super) fn taken(ground: &Ground) -> Vec<SocketAddr> {
    let addresses = ground.settings.iter().flat_map(|run| run.tree.listener.listen.iter());
    let tcp = addresses.filter_map(|listen| if let Listen::Tcp(address) = listen { Some(*address) } else { None });
    tcp.filter(|address| address.port() != 0 && TcpStream::connect_timeout(address, PATIENCE).is_ok()).collect()
}

/// Addresses that the settings fix.
fn wanted(ground: &Ground) -> Vec<String> {
    let addresses = ground.settings.iter().flat_map(|run| run.tree.listener.listen.iter());
    let text = |listen: &Listen| match listen {
        Listen::Tcp(address) if address.port() == 0 => None,
        Listen::Tcp(address) => Some(address.to_string()),
        Listen::Unix(path) => Some(format!("unix:{}", path.display())),
    };
    addresses.filter_map(text).collect()
}

fn is_among(wanted: &str, addresses: &[&str]) -> bool {
    addresses.contains(&wanted)
}

/// Who listens there, if the system has a program that tells.
fn holder(address: SocketAddr) -> Option<(u32, String)> {
    let mut command = Command::new("lsof");
    command.arg("-nP").arg(format!("-iTCP:{}", address.port())).args(["-sTCP:LISTEN", "-Fpc"]);
    let ran = child::run(&mut command, b"", PATIENCE, |_| false).ok()?;
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let field = |mark: char| text.lines().find_map(|line| line.strip_prefix(mark).map(str::to_owned));
    Some((field('p')?.parse().ok()?, field('c')?))
}

/// What is answered at an address as `status` writes it.
fn asked(address: &str) -> io::Result<Vec<u8>> {
    if let Some(path) = address.strip_prefix("unix:") {
        let stream = UnixStream::connect(Path::new(path))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        return converse(stream);
    }
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    converse(stream)
}

fn converse(mut stream: impl Read + Write) -> io::Result<Vec<u8>> {
    stream.write_all(QUESTION)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    Ok(answer)
}
