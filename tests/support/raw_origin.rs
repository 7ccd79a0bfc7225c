//! Origins for tests with exact bytes, and an origin that never answers.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use super::listen::{Accepted, Listening};
use super::origin::{ANY_PORT, Upstream};
use super::record::Records;
use super::tee::Tee;
use super::tls::TestCa;
use super::wire::BoxIo;

/// The decrypted stream of one connection, which is recorded.
pub type RawStream = Tee<BoxIo>;

/// An origin that hands each connection's decrypted stream to the test.
pub struct RawOrigin {
    listening: Listening,
    records: Records,
    ca_pem: Option<String>,
}

impl RawOrigin {
    /// TLS with a certificate for `names`; `alpn` is what it offers.
    pub fn start<F, S>(names: &[&str], alpn: &[&str], serve: S) -> Self
    where
        S: Fn(RawStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let ca = TestCa::new();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let tls = ca.server(&names, alpn, rustls::ALL_VERSIONS);
        Self::listen(Some(tls), Some(ca.pem()), serve)
    }

    /// Cleartext.
    pub fn plain<F, S>(serve: S) -> Self
    where
        S: Fn(RawStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::listen(None, None, serve)
    }

    fn listen<F, S>(tls: Option<Arc<rustls::ServerConfig>>, ca_pem: Option<String>, serve: S) -> Self
    where
        S: Fn(RawStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let records = Records::default();
        let serve = Arc::new(serve);
        let listening = Listening::start(ANY_PORT, tls, &records, move |accepted: Accepted| {
            let serve = Arc::clone(&serve);
            async move { serve(accepted.stream).await }
        });
        Self { listening, records, ca_pem }
    }

    /// The received bytes by connection; this origin parses no requests.
    pub fn records(&self) -> &Records {
        &self.records
    }
}

impl Upstream for RawOrigin {
    fn address(&self) -> SocketAddr {
        self.listening.address
    }

    fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }
}

/// Accepts TCP connections and never sends a byte.
pub struct Silent {
    listening: Listening,
    records: Records,
}

impl Silent {
    /// Starts a silent origin.
    pub fn start() -> Self {
        let records = Records::default();
        let listening = Listening::start(ANY_PORT, None, &records, |accepted: Accepted| async move {
            let _held_open = accepted;
            std::future::pending::<()>().await;
        });
        Self { listening, records }
    }

    /// The number of accepted connections.
    pub fn connections(&self) -> usize {
        self.records.connections()
    }
}

impl Upstream for Silent {
    fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// `Silent` has no certificate, but stands for an `https` origin: see [`Upstream::default_port`].
    fn ca_pem(&self) -> Option<&str> {
        None
    }

    fn default_port(&self) -> u16 {
        443
    }
}
