//! The settings and limits that all dials share.

use std::sync::Arc;

use policy::destination::allowlist::Allowlist;
use policy::destination::reach::Reach;
use tokio::sync::{Semaphore, watch};

use super::connection::Wipes;
use super::connection_limit::ConnectionLimit;
use crate::upstream::settings::UpstreamProxy;

/// Made by boot; it outlives the owner's crashes.
#[derive(Clone, Debug)]
pub(crate) struct Dialler {
    pub(crate) reach: Arc<Reach>,
    /// Bounds the upstream connections.
    pub(crate) connections: ConnectionLimit,
    /// Bounds the concurrent lookups of names.
    pub(crate) lookups: Arc<Semaphore>,
    pub(crate) wipes: Wipes,
    /// Another proxy that every connection is made through.
    pub(crate) proxy: Option<Arc<UpstreamProxy>>,
    /// The destinations that some secret may be sent to.
    pub(crate) listed: watch::Receiver<Option<Arc<Allowlist>>>,
}
