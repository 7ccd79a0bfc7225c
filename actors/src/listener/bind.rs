//! Binds sockets before the tree starts, or takes those bound by launchd or systemd.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Socket, Type};

use crate::hint::{Advise, Hint};
use crate::listener::Bound;
use crate::listener::settings::Listen;

/// Connections that may wait for accept: the usual maximum of systems.
const BACKLOG: i32 = 1024;

/// The maximum path of a socket in bytes: the system's, without the final zero.
const PATH_MAX: usize = if cfg!(target_os = "linux") { 108 - 1 } else { 104 - 1 };

/// Ports below this one are root's, on most systems.
const PORT_FREE: u16 = 1024;

/// Why a socket could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has it.
    #[error("{0} is taken by another program")]
    Taken(String),
    /// Another kind of file has the path.
    #[error("{} is there already and is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// The settings do not name it, although it is expected to be served.
    #[error("--listen does not name {0}, for which this process inherited a socket")]
    NotListed(InheritedSocket),
    /// The socket's folder is missing.
    #[error("cannot listen on unix:{}: there is no folder {}", .0.display(), .0.parent().unwrap_or(.0).display())]
    NoFolder(PathBuf),
    /// Systems limit the path of a socket.
    #[error("{} is too long for a socket, whose path may have {PATH_MAX} bytes", .0.display())]
    TooLong(PathBuf),
    /// The port is root's.
    #[error("cannot listen on {0}: ports below 1024 need root")]
    Privileged(SocketAddr),
    /// The system refused it.
    #[error("cannot listen on {0}: {1}")]
    Io(String, io::ErrorKind),
}

impl Advise for BindError {
    fn hints(&self) -> Vec<Hint> {
        let hint = match self {
            Self::Taken(_) => "stop that one, or choose another address with --listen",
            Self::NotASocket(_) => "move it away",
            Self::NotListed(_) => "add it there, or take it out of the unit or agent that holds the socket",
            Self::NoFolder(_) => "make it, or choose another path with --listen",
            Self::TooLong(_) => "choose a shorter one, or a folder with a shorter path with --dir",
            Self::Privileged(_) => "choose another with --listen",
            Self::Io(..) => "choose another address with --listen",
        };
        vec![hint.into()]
    }
}

/// A listening socket that this process was started with.
#[derive(Debug)]
pub enum InheritedSocket {
    /// On a TCP address.
    Tcp(TcpListener, SocketAddr),
    /// At a path.
    Unix(UnixListener, PathBuf),
}

impl fmt::Display for InheritedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(_, address) => address.fmt(f),
            Self::Unix(_, path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl InheritedSocket {
    /// Whether this is the address to listen on. A folder may have two names.
    fn is(&self, listen: &Listen) -> bool {
        match (self, listen) {
            (Self::Tcp(_, ours), Listen::Tcp(wanted)) => ours == wanted,
            (Self::Unix(_, ours), Listen::Unix(wanted)) => {
                let [ours, wanted] = [ours, wanted].map(|path| path.canonicalize().unwrap_or_else(|_| path.clone()));
                ours == wanted
            }
            _ => false,
        }
    }

    fn bound(self) -> io::Result<Bound> {
        match self {
            Self::Tcp(listener, _) => listener.set_nonblocking(true).map(|()| Bound::Tcp(listener)),
            Self::Unix(listener, path) => listener.set_nonblocking(true).map(|()| Bound::Inherited(listener, path)),
        }
    }
}

/// Binds all addresses but those whose sockets were inherited.
pub(crate) fn bind_all(listen: &[Listen], mut inherited: Vec<InheritedSocket>) -> Result<Vec<Bound>, BindError> {
    let mut bound = Vec::new();
    for wanted in listen {
        let socket = match inherited.iter().position(|it| it.is(wanted)) {
            Some(at) => {
                inherited.remove(at).bound().map_err(|error| BindError::Io(wanted.to_string(), error.kind()))?
            }
            None => bind(wanted)?,
        };
        bound.push(socket);
    }
    match inherited.pop() {
        Some(socket) => Err(BindError::NotListed(socket)),
        None => Ok(bound),
    }
}

/// Binds one address.
fn bind(listen: &Listen) -> Result<Bound, BindError> {
    match listen {
        Listen::Tcp(address) => bind_tcp(*address).map(Bound::Tcp).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied if address.port() < PORT_FREE => BindError::Privileged(*address),
            _ => classify(address, &error),
        }),
        Listen::Unix(path) => bind_unix(path).map(|listener| Bound::Unix(listener, path.clone())),
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Otherwise a restart fails for minutes while old connections linger.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds a Unix socket with mode 0600. An abandoned socket is replaced.
pub(crate) fn bind_unix(path: &Path) -> Result<UnixListener, BindError> {
    let name = || format!("unix:{}", path.display());
    let fail = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => BindError::NoFolder(path.into()),
        _ => classify(&name(), &error),
    };
    if path.as_os_str().len() > PATH_MAX {
        return Err(BindError::TooLong(path.into()));
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(BindError::NotASocket(path.into())),
        Ok(_) if UnixStream::connect(path).is_ok() => return Err(BindError::Taken(name())),
        Ok(_) => std::fs::remove_file(path).map_err(fail)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(fail)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    Ok(listener)
}

fn classify(address: &dyn ToString, error: &io::Error) -> BindError {
    match error.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken(address.to_string()),
        kind => BindError::Io(address.to_string(), kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_as_long_as_the_system_takes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let of_length = |length: usize| {
            let path = folder.path().join("s");
            path.with_file_name("s".repeat(1 + length - path.as_os_str().len()))
        };
        bind_unix(&of_length(PATH_MAX)).expect("it fits");
        assert!(matches!(bind_unix(&of_length(PATH_MAX + 1)), Err(BindError::TooLong(_))));
        assert!(UnixListener::bind(of_length(PATH_MAX + 1)).is_err(), "the system says the same");
    }
}
