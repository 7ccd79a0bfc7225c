//! Sockets that systemd or launchd has bound for us, so that they are never free for another process.
//!
//! systemd hands them over from descriptor 3 on, launchd when it is asked by name. Which address each
//! is for, the socket itself says.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use actors::Handed;
use rustix::io::{FdFlags, fcntl_setfd};
use service_binding::{Binding, Listener};
use socket2::Socket;

use crate::terminal::failure::Failure;

/// Where systemd's descriptors begin.
const FIRST: i32 = 3;
/// More than anybody has addresses; a wrong number must not take descriptors of ours.
const SOCKETS_MAX: i32 = 64;

/// Takes all of them. To be called before any other file is opened, and once.
pub(crate) fn sockets() -> Result<Vec<Handed>, Failure> {
    let mut descriptors = of_systemd();
    descriptors.extend(of_launchd()?);
    descriptors.into_iter().map(take).collect()
}

/// They are ours only if the process id is: a program between us and systemd may have left them behind.
fn of_systemd() -> Vec<i32> {
    let number = |name| std::env::var(name).ok()?.parse::<i32>().ok();
    let ours = number("LISTEN_PID").is_some_and(|pid| u32::try_from(pid) == Ok(std::process::id()));
    let count = number("LISTEN_FDS").filter(|_| ours).unwrap_or_default();
    (FIRST..FIRST + count.clamp(0, SOCKETS_MAX)).collect()
}

/// The names are those of the agent's `Sockets`. Without such a name, or without launchd, there is none.
#[cfg(target_os = "macos")]
fn of_launchd() -> Result<Vec<i32>, Failure> {
    let mut descriptors = Vec::new();
    for name in ["tcp", "unix"] {
        match format!("fd://{name}").parse() {
            Ok(Binding::FileDescriptor(descriptor)) => descriptors.push(descriptor),
            Err(service_binding::Error::DescriptorsMissing) => {}
            _ => return Err(Failure::usage(format!("launchd has several sockets for '{name}': name one address"))),
        }
    }
    Ok(descriptors)
}

#[cfg(not(target_os = "macos"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on macOS")]
fn of_launchd() -> Result<Vec<i32>, Failure> {
    Ok(Vec::new())
}

fn take(descriptor: i32) -> Result<Handed, Failure> {
    listening(descriptor).map_err(|error| {
        Failure::usage(format!(
            "descriptor {descriptor} was handed over and is not a listening socket that can be served ({error}): take \
             it out of the unit or agent that holds it"
        ))
    })
}

fn listening(descriptor: i32) -> io::Result<Handed> {
    let other = |what| io::Error::other(what);
    // A number that is no descriptor must not become one: closing it could close another's.
    if Path::new("/dev/fd").join(descriptor.to_string()).symlink_metadata().is_err() {
        return Err(other("it is not open"));
    }
    // Of whatever family it is: this is only how a number becomes a descriptor that is owned.
    let Listener::Unix(owned) = Listener::try_from(Binding::FileDescriptor(descriptor))? else {
        return Err(other("no descriptor"));
    };
    let socket = Socket::from(OwnedFd::from(owned));
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    if socket.r#type()? != socket2::Type::STREAM || !accepts(&socket)? {
        return Err(other("nothing can be accepted on it"));
    }
    let address = socket.local_addr()?;
    match (address.as_socket(), address.as_pathname()) {
        (Some(address), _) => Ok(Handed::Tcp(socket.into(), address)),
        (_, Some(path)) => Ok(Handed::Unix(socket.into(), path.into())),
        _ => Err(other("neither TCP nor a path")),
    }
}

#[cfg(not(target_os = "macos"))]
fn accepts(socket: &Socket) -> io::Result<bool> {
    Ok(rustix::net::sockopt::socket_acceptconn(socket)?)
}

/// It does not tell; launchd hands over nothing else.
#[cfg(target_os = "macos")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn accepts(_: &Socket) -> io::Result<bool> {
    Ok(true)
}
