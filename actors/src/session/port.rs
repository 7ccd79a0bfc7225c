//! The port itself: HTTP/1.1 with CONNECT and absolute URIs, the question of a tunnel keeper, and 400 for
//! anything else.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;

use http::{Method, Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use policy::destination::host::{Authority, Destination, Scheme};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::tunnel::Tunnel;
use super::{ByteStream, Form, Path, Peers, Refusals, http1_server, lingering_close, service, unheard};
use crate::exchange::response::{self, Next, Upgraded};
use crate::exchange::{self, constant, passthrough};
use crate::supervision::drain::Drain;
use crate::upstream::{ClientId, Passage};
use crate::wire::request_body::ResponseBody;

/// What the connection goes on with after CONNECT.
struct Connect {
    destination: Destination,
    client: OnUpgrade,
    /// The other end, if it is passed through.
    passage: Option<Passage>,
}

/// What an answer may leave behind for the connection to go on with.
#[derive(Clone)]
struct After {
    connect: Next<Connect>,
    upgraded: Next<Upgraded>,
    refusals: Refusals,
    /// Cancelled when the first request has come.
    spoken: CancellationToken,
}

impl After {
    /// Waits until a client that says nothing is cut off: others need its place, or the daemon is about to end.
    async fn unheard(&self, peers: &Peers, drain: &Drain) {
        let cut_off = peers.silent.enter();
        tokio::select! {
            biased;
            () = self.spoken.cancelled() => {}
            _ = cut_off => return,
            () = unheard(drain) => return,
        }
        pending::<()>().await;
    }
}

/// Serves one client connection.
pub(super) async fn serve<S: ByteStream>(stream: S, peers: Arc<Peers>, drain: Drain) {
    let refusals = Refusals::none_yet(&drain);
    let (connect, upgraded, spoken) = (Next::default(), Next::default(), CancellationToken::new());
    let after = After { connect, upgraded, refusals, spoken };
    // Boxed, so that the long-lived tunnel does not carry the space for it.
    Box::pin(serve_requests(stream, &peers, &drain, &after)).await;
    if let Some(Connect { destination, client, passage }) = after.connect.take() {
        let Ok(client) = client.await else { return };
        let Ok(parts) = client.downcast::<TokioIo<S>>() else { return };
        let (first, stream) = (parts.read_buf, parts.io.into_inner());
        match passage {
            Some(passage) => passthrough::copy(first, stream, passage).await,
            None => Tunnel { destination, peers, drain }.serve(first, stream).await,
        }
    } else if let Some(upgraded) = after.upgraded.take() {
        response::copy(upgraded).await;
    }
}

async fn serve_requests<S: ByteStream>(stream: S, peers: &Arc<Peers>, drain: &Drain, after: &After) {
    let service = service_fn(|request| service(Box::pin(answer(request, peers.clone(), after.clone()))));
    let mut connection = http1_server().serve_connection(TokioIo::new(stream), service).with_upgrades();
    let pinned = Pin::new(&mut connection);
    tokio::select! {
        biased;
        ended = after.refusals.run(pinned, pending(), |connection| connection.graceful_shutdown()) => {
            if let Some(Err(error)) = ended {
                debug!(%error, "client connection ended");
                lingering_close::after(&error, connection.into_parts().map(|parts| parts.io.into_inner())).await;
            }
        }
        () = after.unheard(peers, drain) => debug!("a client that said nothing is cut off"),
    }
}

async fn answer(request: Request<Incoming>, peers: Arc<Peers>, after: After) -> Response<ResponseBody> {
    after.spoken.cancel();
    if request.method() == Method::CONNECT {
        return connect(request, peers, &after).await;
    }
    match absolute(&request) {
        Some(destination) => exchange::answer(path(destination, Form::Absolute, peers, &after), request).await,
        None => aside(&request, &peers),
    }
}

/// What is no proxy request gets the same 400, save the question of a tunnel keeper.
fn aside(request: &Request<Incoming>, peers: &Peers) -> Response<ResponseBody> {
    let uri = request.uri();
    let plain = request.method() == Method::GET && uri.authority().is_none() && request.body().is_end_stream();
    let key = peers.probe_key.as_ref().filter(|_| plain && uri.query().is_none());
    key.and_then(|key| key.answer(uri.path())).map_or_else(constant::bad_request, constant::round_trip)
}

/// 200 whenever the authority can be read: what is wrong with the destination is told inside, where the
/// client can read it, unless the tunnel is passed through and has no inside.
async fn connect(mut request: Request<Incoming>, peers: Arc<Peers>, after: &After) -> Response<ResponseBody> {
    let Some(destination) = tunnelled(&request) else { return constant::bad_request() };
    let passage = if peers.passes_through(&destination) {
        match passthrough::open(path(destination.clone(), Form::Bytes, peers, after), &request).await {
            Ok(passage) => Some(passage),
            Err(answer) => return answer,
        }
    } else {
        None
    };
    let client = hyper::upgrade::on(&mut request);
    after.connect.set(Connect { destination, client, passage });
    Response::new(ResponseBody::text(""))
}

fn path(destination: Destination, form: Form, peers: Arc<Peers>, after: &After) -> Arc<Path> {
    Arc::new(Path {
        client: ClientId::next(),
        destination,
        form,
        server_name_agrees: true,
        peers,
        upgraded: after.upgraded.clone(),
        refusals: after.refusals.clone(),
        activity: Arc::default(),
    })
}

/// The destination of a CONNECT that has no body.
fn tunnelled(request: &Request<Incoming>) -> Option<Destination> {
    let uri = request.uri();
    // The authority alone: a scheme or a path would be a second opinion.
    let bare = uri.scheme().is_none() && uri.path_and_query().is_none() && request.body().is_end_stream();
    Destination::from_connect(uri.authority().filter(|_| bare)?.as_str()).ok()
}

/// The destination of an absolute URI. Only `http`: TLS is between client and server, by CONNECT.
fn absolute(request: &Request<Incoming>) -> Option<Destination> {
    let uri = request.uri();
    if uri.scheme_str() != Some(Scheme::Http.as_str()) {
        return None;
    }
    let authority = Authority::parse(uri.authority()?.as_str()).ok()?;
    Some(authority.under(Scheme::Http))
}
