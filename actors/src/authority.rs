//! The owner of the certificate authority.
//!
//! *Owns* the root's key and the leaves made with it. *Answers* `Issue` with TLS settings for one
//! host: the root's key never leaves, the leaf's has to, because the TLS library signs in place.
//! *Asks* nobody. *Dies when* the files of the root are damaged. *After a restart* the key is read
//! again and leaves are made anew.

mod leaf;
mod root;

use std::path::PathBuf;
use std::sync::Arc;

use policy::host::Host;
use quick_cache::unsync::Cache;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;
use rustls::sign::SingleCertAndKey;
use time::OffsetDateTime;

use self::leaf::{LeafKey, MintError};
pub(crate) use self::root::Root;
pub use self::root::{RootCertificate, RootError};
use crate::heartbeat::Beat;
use crate::limits;
use crate::slot::{Publisher, Slot, Unavailable};
use crate::status::{AuthorityReport, Board};
use crate::supervisor::{Child, permanent};
use crate::tls;

/// Where leaves are issued.
#[derive(Clone)]
pub(crate) struct AuthorityHandle(Slot<Msg>);

impl AuthorityHandle {
    pub(crate) fn new(slot: Slot<Msg>) -> Self {
        Self(slot)
    }

    /// TLS settings with a leaf for this host. A new tunnel waits a moment for a restart: its client
    /// would only come again.
    pub(crate) async fn issue(&self, host: Host) -> Result<Arc<ServerConfig>, Unavailable> {
        let question = |reply| Msg::Issue { host: host.clone(), reply };
        let issued = self.0.call_patiently(question, limits::ANSWER, limits::RESTART).await?;
        issued.ok_or(Unavailable("authority"))
    }
}

pub(crate) enum Msg {
    /// TLS settings for a host; `None` if no leaf could be made.
    Issue {
        host: Host,
        reply: RpcReplyPort<Option<Arc<ServerConfig>>>,
    },
    Beat(Beat),
    #[cfg(feature = "faults")]
    Fault(crate::faults::Fault),
}

owner_message!(Msg);

#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) folder: PathBuf,
    pub(crate) board: Arc<Board>,
}

/// The owner's place in the tree.
pub(crate) fn child(publisher: Publisher<Msg>, arguments: Arguments) -> Child {
    permanent("authority", publisher, || Authority, arguments)
}

struct Authority;

struct State {
    root: Root,
    key: LeafKey,
    provider: Arc<CryptoProvider>,
    ticketer: Arc<dyn ProducesTickets>,
    issued: Cache<Host, Issued>,
    board: Arc<Board>,
}

/// A leaf's TLS settings, and when to make them anew.
#[derive(Clone)]
struct Issued {
    config: Arc<ServerConfig>,
    renew_at: OffsetDateTime,
}

impl Actor for Authority {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { folder, board } = arguments;
        let root = Root::open_or_make(&folder)?;
        let report = AuthorityReport {
            fingerprint: root.certificate().fingerprint.clone(),
            not_after: root.certificate().not_after.clone(),
            leaves_cached: 0,
        };
        board.authority.send_replace(report);
        let issued = Cache::new(limits::LEAVES_MAX);
        Ok(State {
            root,
            key: LeafKey::generate()?,
            provider: tls::provider(),
            ticketer: Ticketer::new()?,
            issued,
            board,
        })
    }

    async fn handle(&self, _: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Issue { reply, .. } if reply.is_closed() => {}
            Msg::Issue { host, reply } => drop(reply.send(state.issue(host).ok())),
            Msg::Beat(beat) => beat.answer(),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => fault.strike().await,
        }
        Ok(())
    }
}

impl State {
    fn issue(&mut self, host: Host) -> Result<Arc<ServerConfig>, MintError> {
        let now = OffsetDateTime::now_utc();
        if let Some(issued) = self.issued.get(&host).filter(|issued| now < issued.renew_at) {
            return Ok(issued.config.clone());
        }
        let issued = Issued {
            config: Arc::new(self.config(&host, now)?),
            renew_at: now + limits::LEAF_VALID - limits::LEAF_RENEWED,
        };
        self.issued.insert(host, issued.clone());
        let leaves = self.issued.len();
        self.board.authority.send_modify(|report| report.leaves_cached = leaves);
        Ok(issued.config)
    }

    fn config(&self, host: &Host, now: OffsetDateTime) -> Result<ServerConfig, MintError> {
        let leaf = self.key.mint(&self.root.issuer, host, now)?;
        let builder = ServerConfig::builder_with_provider(self.provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(|_| MintError)?;
        let resolver = Arc::new(SingleCertAndKey::from(leaf.as_ref().clone()));
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // One ticket key for all hosts: rustls resumes a session only under the name it was made for.
        config.ticketer = self.ticketer.clone();
        config.send_tls13_tickets = 1;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::slot;

    #[tokio::test]
    async fn a_host_has_one_leaf_and_another_host_another() {
        let parent = tempfile::tempdir().expect("a folder");
        let board = Arc::new(Board::new(1, "/secrets".into(), "/audit".into()));
        let arguments = Arguments { folder: parent.path().join("ca"), board: board.clone() };
        let (publisher, address) = slot("authority");
        let (actor, _) = Actor::spawn(None, Authority, arguments).await.expect("started");
        publisher.publish(Some(actor));
        let authority = AuthorityHandle::new(address);
        let issue = async |host: &str| {
            let host = Host::parse(host).expect("a host");
            authority.issue(host).await.expect("issued")
        };
        let first = issue("a.example").await;
        assert!(Arc::ptr_eq(&first, &issue("a.example").await), "cached, so that sessions can be resumed");
        assert!(!Arc::ptr_eq(&first, &issue("b.example").await));
        assert_eq!(board.authority.borrow().leaves_cached, 2);
    }
}
