//! What the daemon is told at start, parsed and checked.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use ipnet::IpNet;
use policy::destination::allowlist::Allowlist;
use policy::destination::host::Host;

use crate::audit::mirror::Mirror;
use crate::folder::Folder;

/// Everything that the tree needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of our own files.
    pub folder: Folder,
    /// Where to listen; never empty.
    pub listen: Vec<Listen>,
    /// The secrets file or pipe.
    pub secrets: PathBuf,
    /// How long a read of it is used; zero reads for every request.
    pub secrets_ttl: Duration,
    /// How long a pipe is held open after the last request that wanted a secret.
    pub approval_wait: Duration,
    /// Whether the owner is told on the screen that requests wait for the secrets.
    pub notify: bool,
    /// PEM roots trusted for upstreams besides the system's.
    pub upstream_ca: Option<PathBuf>,
    /// Networks that may be dialled although they are denied.
    pub allow_net: Vec<IpNet>,
    /// Whether private networks are denied.
    pub deny_private: bool,
    /// A proxy that upstream connections go through.
    pub upstream_proxy: Option<UpstreamProxy>,
    /// Names that are answered before the system's resolver is asked.
    pub resolve: Vec<Resolve>,
    /// When a record counts as written.
    pub audit_sync: AuditSync,
    /// When the audit file is moved aside, and what is kept.
    pub audit_rotation: AuditRotation,
    /// Where records are shown, too.
    pub mirror: Mirror,
    /// Hosts whose tunnels are passed through, not intercepted.
    pub passthrough: Allowlist,
    /// Which other tunnels are intercepted.
    pub intercept: Intercept,
    /// Client connections at a time.
    pub sessions_max: usize,
}

/// An HTTP proxy that upstream connections go through.
#[derive(Clone, Debug)]
pub struct UpstreamProxy {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it wants to see first; marked as sensitive, so that it is never printed.
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

/// When a record counts as written, and its request goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuditSync {
    /// When the system has taken it: it outlives a crash of this process, not one of the computer.
    Write,
    /// The same, and once a second everything is synced to the disk.
    Interval,
    /// When it has been synced to the disk.
    Always,
}

/// When the audit file is moved aside, and what is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuditRotation {
    /// The length, in bytes, from which on it is moved aside.
    pub bytes_max: u64,
    /// How many files are kept besides the live one; all if there is no number.
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

/// `NAME:PORT:ADDRESS[:PORT]`: where a destination is really dialled. Certificates are verified for
/// the name all the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolve {
    /// The destination's host.
    pub host: Host,
    /// The destination's port.
    pub port: u16,
    /// The address that is dialled.
    pub address: IpAddr,
    /// The port that is dialled, if it is another one.
    pub dialled_port: Option<u16>,
}
