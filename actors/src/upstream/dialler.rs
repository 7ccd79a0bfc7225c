//! The settings and limits that all dials share.

use std::sync::Arc;

use policy::destination::allowlist::Allowlist;
use policy::destination::reach::Reach;
use tokio::sync::watch;

use super::connection::Wipes;
use super::connection_limit::ConnectionLimit;
use super::except::ProxyExcept;
use super::lookups::Lookups;
use super::worked::Worked;
use crate::upstream::settings::UpstreamProxy;

/// Made by boot; it outlives the owner's crashes.
#[derive(Clone, Debug)]
pub(crate) struct Dialler {
    pub(crate) reach: Arc<Reach>,
    /// Bounds the upstream connections.
    pub(crate) connections: ConnectionLimit,
    pub(crate) lookups: Lookups,
    pub(crate) worked: Arc<Worked>,
    pub(crate) wipes: Wipes,
    /// Another proxy that connections are made through.
    pub(crate) proxy: Option<Arc<UpstreamProxy>>,
    /// The destinations that are dialled directly all the same.
    pub(crate) except: Arc<ProxyExcept>,
    /// The destinations that some secret may be sent to.
    pub(crate) listed: watch::Receiver<Option<Arc<Allowlist>>>,
}
