//! An intercepted tunnel: TLS with a leaf, or cleartext, and the HTTP inside.

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use policy::destination::host::{Destination, Host, Scheme};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, info};

use super::connection::{Connection, idle, run_until_finished};
use super::{lingering_close, rest, server};
use crate::exchange::upgrade::{self, Handover};
use crate::exchange::{self, Scope, TargetForm};
use crate::limits;
use crate::supervision::tasks::Tasks;
use crate::wire::ByteStream;
use crate::wire::client_stream::ClientStream;
use crate::wire::interim::Interims;
use crate::wire::meter::{Frames, Meter};
use crate::wire::prefixed::Prefixed;
use crate::wire::turn::Turn;

/// The first byte of a TLS handshake record (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// Larger than most TLS client hellos, and small enough for each waiting tunnel.
const FIRST_BYTES: usize = 2048;

/// The beginning of HTTP/2 (RFC 9113, section 3.4). No method of HTTP/1.1 begins so.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// The protocol that a client starts in its tunnel.
enum Inner<S> {
    /// TLS after its handshake, and whether the server name agrees.
    Tls(Box<TlsStream<Prefixed<S>>>, bool),
    Cleartext(Prefixed<S>),
    /// HTTP/2 in cleartext, by prior knowledge.
    Http2(Prefixed<S>),
}

/// Boxed, so that an idle tunnel has space for its own protocol and no other.
type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The tunnel of one CONNECT.
pub(super) struct Tunnel {
    pub(super) destination: Destination,
    pub(super) connection: Arc<Connection>,
}

impl Tunnel {
    /// Serves the HTTP inside.
    pub(super) async fn serve<S: ByteStream>(self, first: Bytes, stream: S) {
        let stream = Prefixed::new(&first, stream);
        // Boxed, so that an idle tunnel has no space for the handshake either.
        let inner = Box::pin(async {
            tokio::select! {
                inner = timeout(limits::HANDSHAKE_TIMEOUT, self.accept(stream)) => inner.ok().flatten(),
                () = self.connection.unheard_at_shutdown() => None,
            }
        });
        let Some(inner) = inner.await else {
            self.note_no_handshake();
            return;
        };
        self.connection.permit.settle();
        self.serving(inner).await;
    }

    /// The TLS library ends a handshake with a name that no certificate has, and gives no reason to the client.
    fn note_no_handshake(&self) {
        let destination = &self.destination;
        if destination.host.has_plain_labels() {
            debug!(%destination, "no handshake in the tunnel");
        } else {
            info!(%destination, "TLS with a name whose labels begin or end with a hyphen needs SECRET_PROXY_PASSTHROUGH");
        }
    }

    /// Waits for the client's first byte, then for the handshake if it is TLS.
    async fn accept<S: ByteStream>(&self, mut stream: Prefixed<S>) -> Option<Inner<S>> {
        if stream.peek(FIRST_BYTES).await.ok()?? != TLS_HANDSHAKE {
            let is_http2 = stream.begins_with(HTTP2_PREFACE).await.ok()?;
            return Some(if is_http2 { Inner::Http2(stream) } else { Inner::Cleartext(stream) });
        }
        let (stream, agrees) = self.accept_tls(stream).await?;
        Some(Inner::Tls(Box::new(stream), agrees))
    }

    /// Finishes the handshake even if the client names another server: the refusal of its requests is then
    /// readable. Also gives whether the name agrees.
    async fn accept_tls<S: ByteStream>(&self, stream: S) -> Option<(TlsStream<S>, bool)> {
        let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
        let start = acceptor.await.ok()?;
        let agrees = start.client_hello().server_name().is_none_or(|name| same_host(name, &self.destination.host));
        let knows_ours = start.client_hello().alpn().is_none_or(|mut offered| offered.any(is_ours));
        let mut config = self.connection.peers.authority.issue(self.destination.host.clone()).await.ok()?;
        if !knows_ours {
            // It is served as HTTP/1.1, as if it had offered nothing.
            Arc::make_mut(&mut config).alpn_protocols.clear();
        }
        let stream = start.into_stream(config).await.ok()?;
        Some((stream, agrees))
    }

    fn serving<S: ByteStream>(self, inner: Inner<S>) -> Serving {
        match inner {
            Inner::Tls(stream, agrees) => self.serve_tls(stream, agrees),
            Inner::Cleartext(stream) => self.serve_cleartext(stream),
            Inner::Http2(stream) => Box::pin(serve_http2(stream, self.scope(Scheme::Http, true))),
        }
    }

    fn serve_tls<S: ByteStream>(self, stream: Box<TlsStream<S>>, server_name_agrees: bool) -> Serving {
        let scope = self.scope(Scheme::Https, server_name_agrees);
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Box::pin(serve_http2(stream, scope)),
            _ => Box::pin(serve_http1(stream, scope)),
        }
    }

    /// Cleartext counts as scheme http, whatever the port.
    fn serve_cleartext<S: ByteStream>(self, stream: S) -> Serving {
        let scope = self.scope(Scheme::Http, true);
        Box::pin(serve_http1(stream, scope))
    }

    fn scope(self, scheme: Scheme, server_name_agrees: bool) -> Arc<Scope> {
        let Connection { client, peers, refusals, .. } = &*self.connection;
        Arc::new(Scope {
            client: *client,
            destination: self.destination.with_scheme(scheme),
            form: TargetForm::InTunnel,
            server_name_agrees,
            peers: peers.exchange.clone(),
            upgraded: Handover::default(),
            refusals: refusals.clone(),
            interims: Interims::default(),
            activity: Arc::default(),
            place: self.connection.permit.place(),
        })
    }
}

async fn serve_http1<S: ByteStream>(stream: S, scope: Arc<Scope>) {
    let (mut stream, turn) = (Prefixed::new(b"", stream), Turn::default());
    // Boxed, so that a resting connection has no space for a working one.
    while let Some(mut resting) = Box::pin(serve_requests(stream, &turn, &scope)).await {
        if !rest::wait(&mut resting, &scope.refusals).await {
            return;
        }
        stream = resting;
    }
    let upgraded = scope.upgraded.take();
    drop(scope);
    if let Some(upgraded) = upgraded {
        // Boxed, so that an idle tunnel has no space for it.
        Box::pin(upgrade::copy_upgraded(upgraded)).await;
    }
}

/// Serves requests until the connection ends. If it is between two requests for a while, gives the stream back.
async fn serve_requests<S: ByteStream>(stream: Prefixed<S>, turn: &Turn, scope: &Arc<Scope>) -> Option<Prefixed<S>> {
    let (scope, refusals, activity) = (scope.clone(), scope.refusals.clone(), scope.activity.clone());
    let destination = scope.destination.clone();
    let stream = turn.bound(activity.track(stream), Meter::Bytes);
    let io = TokioIo::new(ClientStream::new(stream, scope.interims.clone(), activity.clone()));
    let service = service_fn(move |request| server::infallible(Box::pin(exchange::answer(scope.clone(), request))));
    let mut connection = server::http1().serve_connection(io, service).with_upgrades();
    let pinned = Pin::new(&mut connection);
    tokio::select! {
        biased;
        ended = run_until_finished(pinned, turn, &refusals, pending(), |connection| connection.graceful_shutdown()) => {
            if let Some(Err(error)) = ended {
                debug!(%destination, %error, "client connection ended");
                let stream = connection.into_parts().map(|parts| parts.io.into_inner().into_inner());
                lingering_close::after(&error, stream).await;
            }
            None
        }
        () = rest::quiet(&activity) => {
            let parts = connection.into_parts()?;
            Some(parts.io.into_inner().into_inner().into_inner().into_inner().preceded_by(&parts.read_buf))
        }
    }
}

async fn serve_http2<S: ByteStream>(stream: S, scope: Arc<Scope>) {
    let (destination, refusals) = (scope.destination.clone(), scope.refusals.clone());
    let (idle, turn) = (idle(scope.activity.clone()), Turn::default());
    let stream = turn.bound(stream, Meter::Frames(Frames::of_client(scope.activity.clone())));
    let service = service_fn(move |request| server::infallible(Box::pin(exchange::answer(scope.clone(), request))));
    let (tasks, _guard) = Tasks::guarded();
    let connection = pin!(server::http2(tasks).serve_connection(TokioIo::new(stream), service));
    let ended =
        run_until_finished(connection, &turn, &refusals, idle, |connection| connection.graceful_shutdown()).await;
    if let Some(Err(error)) = ended {
        debug!(%destination, %error, "client connection ended");
    }
}

/// Whether an ALPN protocol is one that is served.
fn is_ours(protocol: &[u8]) -> bool {
    [&b"h2"[..], b"http/1.1"].contains(&protocol)
}

/// Whether a TLS server name is the destination's host. An address is never a server name (RFC 6066).
fn same_host(name: &str, host: &Host) -> bool {
    Host::parse(name).is_ok_and(|named| named == *host)
}
