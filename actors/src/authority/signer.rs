//! The signer: a root, and everything that was made with this root.

use std::sync::Arc;

use policy::destination::host::Host;
use quick_cache::unsync::Cache;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;
use rustls::sign::SingleCertAndKey;
use time::OffsetDateTime;

use super::leaf::{LeafKey, MintError};
use super::root::{Root, RootCertificate, RootError};
use crate::limits;
use crate::wire::tls;

/// A root, its leaves and the key of its sessions: none is resumed under another root.
pub(super) struct Signer {
    root: Root,
    key: LeafKey,
    provider: Arc<CryptoProvider>,
    ticketer: Arc<dyn ProducesTickets>,
    issued: Cache<Host, Issued>,
}

/// A leaf's TLS settings, and when to make them anew.
#[derive(Clone)]
struct Issued {
    config: Arc<ServerConfig>,
    renew_at: OffsetDateTime,
}

impl Signer {
    pub(super) fn new(root: Root) -> Result<Self, RootError> {
        let ticketer = Ticketer::new().map_err(|_| RootError::NoKeys)?;
        let key = LeafKey::generate().map_err(|_| RootError::NoKeys)?;
        Ok(Self { root, key, provider: tls::provider(), ticketer, issued: Cache::new(limits::LEAVES_MAX) })
    }

    pub(super) fn certificate(&self) -> &RootCertificate {
        self.root.certificate()
    }

    /// How many leaves are kept.
    pub(super) fn leaves(&self) -> usize {
        self.issued.len()
    }

    pub(super) fn issue(&mut self, host: Host) -> Result<Arc<ServerConfig>, MintError> {
        let now = OffsetDateTime::now_utc();
        if let Some(issued) = self.issued.get(&host).filter(|issued| now < issued.renew_at) {
            return Ok(issued.config.clone());
        }
        let issued = Issued {
            config: Arc::new(self.config(&host, now)?),
            renew_at: now + limits::LEAF_VALID - limits::LEAF_RENEWED,
        };
        self.issued.insert(host, issued.clone());
        Ok(issued.config)
    }

    fn config(&self, host: &Host, now: OffsetDateTime) -> Result<ServerConfig, MintError> {
        let leaf = self.key.mint(&self.root.issuer, host, now)?;
        let builder = ServerConfig::builder_with_provider(self.provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(|_| MintError)?;
        let resolver = Arc::new(SingleCertAndKey::from(leaf.as_ref().clone()));
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Clients mostly name AES-256 first. They run on this computer: what is cheap here is cheap there.
        config.ignore_client_order = true;
        // One ticket key for all hosts: rustls resumes a session only under the name it was made for.
        config.ticketer = self.ticketer.clone();
        config.send_tls13_tickets = 1;
        Ok(config)
    }
}
