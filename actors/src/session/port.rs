//! The port itself: CONNECT, absolute URIs, and the tunnel keeper's question.
//!
//! Anything else is answered with 400.

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

use super::connection::{Connection, run_until_finished};
use super::tunnel::Tunnel;
use super::{lingering_close, server};
use crate::exchange::upgrade::{self, Handover, Upgraded};
use crate::exchange::{self, ResponseBody, Scope, TargetForm, constant, passthrough};
use crate::upstream::Passthrough;
use crate::wire::ByteStream;
use crate::wire::activity::Activity;
use crate::wire::client_stream::ClientStream;
use crate::wire::interim::Interims;
use crate::wire::meter::Meter;
use crate::wire::turn::{Bounded, Turn};

/// The requests of one client, as its connection's future shares them.
struct Port {
    connection: Arc<Connection>,
    tunnel: Handover<Connect>,
    upgraded: Handover<Upgraded>,
    interims: Interims,
    activity: Arc<Activity>,
    /// Cancelled when the first request has come.
    heard: CancellationToken,
}

/// The tunnel that follows a CONNECT.
struct Connect {
    destination: Destination,
    client: OnUpgrade,
    /// Set if the tunnel is passed through.
    passthrough: Option<Passthrough>,
}

/// Serves one client connection.
pub(super) async fn serve<S: ByteStream>(stream: S, connection: Arc<Connection>) {
    let (tunnel, upgraded, heard) = (Handover::default(), Handover::default(), CancellationToken::new());
    let port =
        Arc::new(Port { connection, tunnel, upgraded, interims: Interims::default(), activity: Arc::default(), heard });
    // Boxed, so that the long-lived tunnel does not carry the space for it.
    Box::pin(port.serve_requests(stream)).await;
    if let Some(Connect { destination, client, passthrough }) = port.tunnel.take() {
        let Ok(client) = client.await else { return };
        let Ok(parts) = client.downcast::<TokioIo<ClientStream<Bounded<S>>>>() else { return };
        let (first, stream) = (parts.read_buf, parts.io.into_inner().into_inner().into_inner());
        let connection = port.connection.clone();
        drop(port);
        match passthrough {
            Some(passthrough) => Box::pin(passthrough::copy(first, stream, passthrough)).await,
            None => Tunnel { destination, connection }.serve(first, stream).await,
        }
    } else if let Some(upgraded) = port.upgraded.take() {
        // Boxed, like the passthrough: an intercepted tunnel has no space for them.
        Box::pin(upgrade::copy_upgraded(upgraded)).await;
    }
}

impl Port {
    async fn serve_requests<S: ByteStream>(self: &Arc<Self>, stream: S) {
        let service = service_fn(|request| server::infallible(Box::pin(self.clone().answer(request))));
        let turn = Turn::default();
        let stream = turn.bound(stream, Meter::Bytes);
        let io = TokioIo::new(ClientStream::new(stream, self.interims.clone(), self.activity.clone()));
        let mut connection = server::http1().serve_connection(io, service).with_upgrades();
        let (pinned, refusals) = (Pin::new(&mut connection), &self.connection.refusals);
        tokio::select! {
            biased;
            ended = run_until_finished(pinned, &turn, refusals, pending(), |connection| connection.graceful_shutdown()) => {
                if let Some(Err(error)) = ended {
                    debug!(%error, "client connection ended");
                    let stream = connection.into_parts().map(|parts| parts.io.into_inner().into_inner());
                    lingering_close::after(&error, stream).await;
                }
            }
            () = self.silence() => debug!("silent client disconnected"),
        }
    }

    /// Waits until the daemon shuts down and the client has sent nothing.
    async fn silence(&self) {
        tokio::select! {
            biased;
            () = self.heard.cancelled() => {}
            () = self.connection.unheard_at_shutdown() => return,
        }
        pending::<()>().await;
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<ResponseBody> {
        self.heard.cancel();
        if request.method() == Method::CONNECT {
            return self.connect(request).await;
        }
        self.connection.permit.settle();
        match absolute_target(&request) {
            Some(destination) => exchange::answer(self.scope(destination, TargetForm::AbsoluteUri), request).await,
            None => self.answer_probe(&request),
        }
    }

    /// Answers the question of a tunnel keeper; 400 to anything else.
    fn answer_probe(&self, request: &Request<Incoming>) -> Response<ResponseBody> {
        let uri = request.uri();
        let plain = request.method() == Method::GET && uri.authority().is_none() && request.body().is_end_stream();
        let key = self.connection.peers.probe_key.as_ref().filter(|_| plain && uri.query().is_none());
        key.and_then(|key| key.answer(uri.path())).map_or_else(constant::bad_request, constant::round_trip)
    }

    /// Answers 200 whenever the authority can be parsed. A refusal is sent inside the tunnel, where the client can
    /// read it; a tunnel that is passed through is refused here.
    async fn connect(&self, mut request: Request<Incoming>) -> Response<ResponseBody> {
        let Some(destination) = connect_target(&request) else { return constant::bad_request() };
        let mut passthrough = None;
        if self.connection.peers.interception.passes_through(&destination) {
            self.connection.permit.settle();
            let scope = self.scope(destination.clone(), TargetForm::Passthrough);
            match passthrough::open(scope, request.uri().path()).await {
                Ok(opened) => passthrough = Some(opened),
                Err(answer) => return answer,
            }
        }
        let client = hyper::upgrade::on(&mut request);
        self.tunnel.set(Connect { destination, client, passthrough });
        Response::new(ResponseBody::empty())
    }

    fn scope(&self, destination: Destination, form: TargetForm) -> Arc<Scope> {
        Arc::new(Scope {
            client: self.connection.client,
            destination,
            form,
            server_name_agrees: true,
            peers: self.connection.peers.exchange.clone(),
            upgraded: self.upgraded.clone(),
            refusals: self.connection.refusals.clone(),
            interims: self.interims.clone(),
            activity: self.activity.clone(),
            place: self.connection.permit.place(),
        })
    }
}

/// The destination of a CONNECT without a body.
fn connect_target(request: &Request<Incoming>) -> Option<Destination> {
    let uri = request.uri();
    // The authority alone: a scheme or a path could contradict it.
    let bare = uri.scheme().is_none() && uri.path_and_query().is_none() && request.body().is_end_stream();
    Destination::from_connect(uri.authority().filter(|_| bare)?.as_str()).ok()
}

/// The destination of an absolute URI. Only `http`: TLS is between client and server, by CONNECT.
fn absolute_target(request: &Request<Incoming>) -> Option<Destination> {
    let uri = request.uri();
    if uri.scheme_str() != Some(Scheme::Http.as_str()) {
        return None;
    }
    let authority = Authority::parse(uri.authority()?.as_str()).ok()?;
    Some(authority.under(Scheme::Http))
}
