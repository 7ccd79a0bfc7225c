//! Settings of the daemon, parsed, by owner.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use ipnet::IpNet;
use policy::destination::allowlist::Allowlist;
use policy::destination::host::Host;

use crate::folder::Folder;

/// The settings of all owners.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the daemon's own files.
    pub folder: Folder,
    /// The listener's.
    pub listener: ListenerSettings,
    /// The secret store's.
    pub secret_store: SecretStoreSettings,
    /// The upstream owner's.
    pub upstream: UpstreamSettings,
    /// Those of every session.
    pub session: SessionSettings,
    /// The audit's.
    pub audit: AuditSettings,
}

/// Settings of the listener.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Addresses to listen on; never empty.
    pub listen: Vec<Listen>,
    /// Maximum concurrent client connections.
    pub sessions_max: usize,
}

/// Settings of the secret store.
#[derive(Clone, Debug)]
pub struct SecretStoreSettings {
    /// The secrets file or pipe.
    pub path: PathBuf,
    /// How long secrets stay cached after a read; zero reads them for every request.
    pub ttl: Duration,
    /// How long a pipe stays open after the last request that wanted a secret.
    pub approval_wait: Duration,
    /// Whether a notification on the screen reports that requests wait for the secrets.
    pub notify: bool,
}

/// Settings of upstream connections.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// PEM roots trusted for upstreams besides the system's.
    pub ca: Option<PathBuf>,
    /// Networks that may be dialled although they are denied.
    pub allow_net: Vec<IpNet>,
    /// Whether private networks are denied.
    pub deny_private: bool,
    /// Names that are resolved before the system's resolver is asked.
    pub resolve: Vec<Resolve>,
    /// A proxy that upstream connections go through.
    pub proxy: Option<UpstreamProxy>,
}

/// Settings of a session.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Hosts whose tunnels are passed through, not intercepted.
    pub passthrough: Allowlist,
    /// Which other tunnels are intercepted.
    pub intercept: Intercept,
}

/// Settings of the audit file.
#[derive(Clone, Copy, Debug)]
pub struct AuditSettings {
    /// When a record counts as written.
    pub sync: AuditSync,
    /// When the file is rotated, and how many rotated files are kept.
    pub rotation: AuditRotation,
}

/// An HTTP proxy that upstream connections go through.
#[derive(Clone, Debug)]
pub struct UpstreamProxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The value of `Proxy-Authorization`; marked as sensitive, so that it is never printed.
    pub authorization: Option<HeaderValue>,
}

/// Which tunnels are intercepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Intercept {
    /// All.
    All,
    /// Those to destinations that some secret may be sent to.
    Listed,
}

/// When a record counts as written, so that its request may go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuditSync {
    /// Once the system has taken it: it survives a crash of this process, not one of the computer.
    Write,
    /// The same; everything is also synced to the disk once a second.
    Interval,
    /// Once it has been synced to the disk.
    Always,
}

/// When the audit file is rotated, and how many rotated files are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuditRotation {
    /// The length, in bytes, at which it is rotated.
    pub bytes_max: u64,
    /// Rotated files to keep; all if there is no number.
    pub keep: Option<usize>,
}

/// An address to listen on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listen {
    /// A TCP address; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A Unix socket, made with mode 0600.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// `NAME:PORT:ADDRESS[:PORT]`: the address to dial for a destination. Certificates are still verified for the name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolve {
    /// The destination's host.
    pub host: Host,
    /// The destination's port.
    pub port: u16,
    /// The address to dial.
    pub address: IpAddr,
    /// The port to dial, if it differs.
    pub dialled_port: Option<u16>,
}
