//! Sockets bound by systemd or launchd, so that another process never gets them.
//!
//! systemd passes them from descriptor 3 on, launchd when asked by name. Each socket knows its own address.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use actors::InheritedSocket;
use rustix::io::{FdFlags, fcntl_setfd};
use service_binding::{Binding, Listener};
use socket2::Socket;

use crate::terminal::failure::Failure;

/// Where systemd's descriptors begin.
const FIRST: i32 = 3;
/// A bound, so that a wrong number does not take descriptors of ours.
const SOCKETS_MAX: i32 = 64;

/// Takes all of them. Call it once, before any other file is opened.
pub(crate) fn take_all() -> Result<Vec<InheritedSocket>, Failure> {
    let mut descriptors = of_systemd();
    descriptors.extend(of_launchd()?);
    descriptors.into_iter().map(take).collect()
}

/// The descriptors are ours only if the process id is: a program between us and systemd may have left the variables.
fn of_systemd() -> Vec<i32> {
    let number = |name| std::env::var(name).ok()?.parse::<i32>().ok();
    let ours = number("LISTEN_PID").is_some_and(|pid| u32::try_from(pid) == Ok(std::process::id()));
    let count = number("LISTEN_FDS").filter(|_| ours).unwrap_or_default();
    (FIRST..FIRST + count.clamp(0, SOCKETS_MAX)).collect()
}

/// The names are those of the agent's `Sockets`; without launchd there are none.
#[cfg(target_os = "macos")]
fn of_launchd() -> Result<Vec<i32>, Failure> {
    let mut descriptors = Vec::new();
    for name in ["tcp", "unix"] {
        match format!("fd://{name}").parse() {
            Ok(Binding::FileDescriptor(descriptor)) => descriptors.push(descriptor),
            Err(service_binding::Error::DescriptorsMissing) => {}
            _ => {
                return Err(
                    Failure::usage(format!("launchd has several sockets for '{name}'")).hint("name one address")
                );
            }
        }
    }
    Ok(descriptors)
}

#[cfg(not(target_os = "macos"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on macOS")]
fn of_launchd() -> Result<Vec<i32>, Failure> {
    Ok(Vec::new())
}

fn take(descriptor: i32) -> Result<InheritedSocket, Failure> {
    listening(descriptor).map_err(|error| {
        Failure::usage(format!("the inherited descriptor {descriptor} is not a usable listening socket ({error})"))
            .hint("take it out of the unit or agent that holds it")
    })
}

fn listening(descriptor: i32) -> io::Result<InheritedSocket> {
    let other = |what| io::Error::other(what);
    // A number without an open descriptor must not become one: closing it could close another's.
    if Path::new("/dev/fd").join(descriptor.to_string()).symlink_metadata().is_err() {
        return Err(other("it is not open"));
    }
    // Of any family: this only turns the number into an owned descriptor.
    let Listener::Unix(owned) = Listener::try_from(Binding::FileDescriptor(descriptor))? else {
        return Err(other("no descriptor"));
    };
    let socket = Socket::from(OwnedFd::from(owned));
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    if socket.r#type()? != socket2::Type::STREAM || !accepts(&socket)? {
        return Err(other("it accepts no connections"));
    }
    let address = socket.local_addr()?;
    match (address.as_socket(), address.as_pathname()) {
        (Some(address), _) => Ok(InheritedSocket::Tcp(socket.into(), address)),
        (_, Some(path)) => Ok(InheritedSocket::Unix(socket.into(), path.into())),
        _ => Err(other("it is neither TCP nor a path")),
    }
}

#[cfg(not(target_os = "macos"))]
fn accepts(socket: &Socket) -> io::Result<bool> {
    Ok(rustix::net::sockopt::socket_acceptconn(socket)?)
}

/// macOS does not say; launchd passes nothing else.
#[cfg(target_os = "macos")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn accepts(_: &Socket) -> io::Result<bool> {
    Ok(true)
}
