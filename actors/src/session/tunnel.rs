//! Inside CONNECT: TLS with a leaf for the destination, or cleartext HTTP, and requests in it.

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use policy::destination::host::{Destination, Host, Scheme};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::{ByteStream, Form, Path, Peers, Refusals, http1_server, idle, lingering_close, rest, service, unheard};
use crate::exchange;
use crate::exchange::response::{self, Next};
use crate::limits;
use crate::supervision::drain::Drain;
use crate::supervision::tasks::Tasks;
use crate::upstream::ClientId;
use crate::wire::prefixed::Prefixed;

/// The first byte of a TLS handshake record (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// More than most clients' first flight of TLS, and small enough to be nothing.
const FIRST_BYTES: usize = 2048;

/// What a client speaks in its tunnel.
enum Spoken<S> {
    /// TLS, finished, and whether the server name agreed.
    Tls(Box<TlsStream<Prefixed<S>>>, bool),
    Cleartext(Prefixed<S>),
}

/// Boxed, so that an idle tunnel has room for what is spoken in it and for nothing else.
type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What CONNECT leads to.
pub(super) struct Tunnel {
    pub(super) destination: Destination,
    pub(super) peers: Arc<Peers>,
    pub(super) drain: Drain,
}

impl Tunnel {
    /// Serves what the client speaks inside.
    pub(super) async fn serve<S: ByteStream>(self, first: Bytes, stream: S) {
        let stream = Prefixed::new(&first, stream);
        let cut_off = self.peers.unspoken.enter();
        // Boxed, so that an idle tunnel has no room for the handshake either.
        let spoken = Box::pin(async {
            tokio::select! {
                spoken = timeout(limits::HANDSHAKE, self.listen(stream)) => spoken.ok().flatten(),
                _ = cut_off => None,
                () = unheard(&self.drain) => None,
            }
        });
        let Some(spoken) = spoken.await else {
            debug!(destination = %self.destination, "no handshake in the tunnel");
            return;
        };
        self.serving(spoken).await;
    }

    /// Waits for what the client speaks.
    async fn listen<S: ByteStream>(&self, mut stream: Prefixed<S>) -> Option<Spoken<S>> {
        if stream.peek(FIRST_BYTES).await.ok()?? != TLS_HANDSHAKE {
            return Some(Spoken::Cleartext(stream));
        }
        let (stream, agrees) = self.accept(stream).await?;
        Some(Spoken::Tls(Box::new(stream), agrees))
    }

    /// Finishes TLS, also for a client that names another server: its requests get a refusal that
    /// it can read. Tells whether the name agreed.
    async fn accept<S: ByteStream>(&self, stream: S) -> Option<(TlsStream<S>, bool)> {
        let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
        let start = acceptor.await.ok()?;
        let agrees = start.client_hello().server_name().is_none_or(|name| same_host(name, &self.destination.host));
        let config = self.peers.authority.issue(self.destination.host.clone()).await.ok()?;
        let stream = start.into_stream(config).await.ok()?;
        Some((stream, agrees))
    }

    fn serving<S: ByteStream>(self, spoken: Spoken<S>) -> Serving {
        match spoken {
            Spoken::Tls(stream, agrees) => self.serve_tls(stream, agrees),
            Spoken::Cleartext(stream) => self.serve_cleartext(stream),
        }
    }

    fn serve_tls<S: ByteStream>(self, stream: Box<TlsStream<S>>, server_name_agrees: bool) -> Serving {
        let path = self.path(Scheme::Https, server_name_agrees);
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Box::pin(self.serve_http2(stream, path)),
            _ => Box::pin(self.serve_http1(stream, path)),
        }
    }

    /// Cleartext counts as cleartext, on whatever port.
    fn serve_cleartext<S: ByteStream>(self, stream: S) -> Serving {
        let path = self.path(Scheme::Http, true);
        Box::pin(self.serve_http1(stream, path))
    }

    fn path(&self, scheme: Scheme, server_name_agrees: bool) -> Arc<Path> {
        Arc::new(Path {
            client: ClientId::next(),
            destination: self.destination.with_scheme(scheme),
            form: Form::Tunnel,
            server_name_agrees,
            peers: self.peers.clone(),
            upgraded: Next::default(),
            refusals: Refusals::none_yet(&self.drain),
            activity: Arc::default(),
        })
    }

    async fn serve_http1<S: ByteStream>(self, stream: S, path: Arc<Path>) {
        let mut stream = Prefixed::new(b"", stream);
        // Boxed, so that a connection that rests has no room for one that works.
        while let Some(mut resting) = Box::pin(work(stream, &path)).await {
            if !rest::wait(&mut resting, &path.refusals).await {
                return;
            }
            stream = resting;
        }
        let upgraded = path.upgraded.take();
        drop(path);
        if let Some(upgraded) = upgraded {
            response::copy(upgraded).await;
        }
    }

    async fn serve_http2<S: ByteStream>(self, stream: S, path: Arc<Path>) {
        let (refusals, idle) = (path.refusals.clone(), idle(path.activity.clone()));
        let service = service_fn(move |request| service(Box::pin(exchange::answer(path.clone(), request))));
        let (tasks, _guard) = Tasks::guarded();
        let connection = hyper::server::conn::http2::Builder::new(tasks)
            .timer(TokioTimer::new())
            .auto_date_header(false)
            .max_concurrent_streams(limits::H2_STREAMS_MAX)
            .max_header_list_size(u32::try_from(limits::HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(limits::H2_RESETS_MAX)
            .max_local_error_reset_streams(limits::H2_RESETS_MAX)
            .initial_stream_window_size(limits::H2_STREAM_WINDOW)
            .initial_connection_window_size(limits::H2_CONNECTION_WINDOW)
            .max_frame_size(limits::H2_FRAME_BYTES)
            .max_send_buf_size(limits::H2_SEND_BUFFER)
            .keep_alive_interval(limits::H2_PING)
            .keep_alive_timeout(limits::H2_PING_ANSWER)
            .serve_connection(TokioIo::new(stream), service);
        let connection = pin!(connection);
        let ended = refusals.run(connection, idle, |connection| connection.graceful_shutdown()).await;
        if let Some(Err(error)) = ended {
            debug!(destination = %self.destination, %error, "client connection ended");
        }
    }
}

/// Serves requests until the connection ends; if nothing comes for a while, gives back the stream alone.
async fn work<S: ByteStream>(stream: Prefixed<S>, path: &Arc<Path>) -> Option<Prefixed<S>> {
    let (path, refusals, activity) = (path.clone(), path.refusals.clone(), path.activity.clone());
    let destination = path.destination.clone();
    let io = TokioIo::new(activity.note(stream));
    let service = service_fn(move |request| service(Box::pin(exchange::answer(path.clone(), request))));
    let mut connection = http1_server().serve_connection(io, service).with_upgrades();
    tokio::select! {
        biased;
        ended = refusals.run(Pin::new(&mut connection), pending(), |connection| connection.graceful_shutdown()) => {
            if let Some(Err(error)) = ended {
                debug!(%destination, %error, "client connection ended");
                lingering_close::after(&error, connection.into_parts().map(|parts| parts.io.into_inner())).await;
            }
            None
        }
        () = rest::quiet(&activity) => {
            let parts = connection.into_parts()?;
            Some(parts.io.into_inner().into_inner().preceded_by(&parts.read_buf))
        }
    }
}

/// Whether a TLS server name is the destination's host. Addresses are never server names (RFC 6066).
fn same_host(name: &str, host: &Host) -> bool {
    Host::parse(name).is_ok_and(|named| named == *host)
}
