//! One request and its response, for clients of every kind.
//!
//! [`Exchange::attempt`] is the security argument, in order.

mod canonical;
pub(crate) mod constant;
mod failure;
pub(crate) mod passthrough;
mod recording;
mod refusals;
mod resend;
mod response;
mod response_body;
mod scope;
pub(crate) mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use http::header::{EXPECT, HeaderMap};
use http::request::Parts;
use http::{Method, Request, Response, Version};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use policy::name::QualifiedName;

use self::canonical::{CanonicalRequest, Placeholders};
use self::failure::Failure;
pub(crate) use self::refusals::Refusals;
use self::resend::{Copy, Filled};
use self::response::Client;
pub(crate) use self::response_body::ResponseBody;
pub(crate) use self::scope::{Peers, Scope, TargetForm};
use crate::hex::RecordId;
use crate::limits;
use crate::upstream::{Connection, Need, Offer, Outgoing, Reservation, SendError};
use crate::wire::activity::InFlight;
use crate::wire::expect::expect_continue;
use crate::wire::held_back::HeldHead;
use crate::wire::request_body::RequestBody;

/// One request under way, with what its record needs.
struct Exchange {
    scope: Arc<Scope>,
    _in_flight: InFlight,
    id: RecordId,
    method: Method,
    /// The path of its URI: a copy, because the URI itself would keep the buffer that it was read into.
    target: Arc<str>,
    names: Vec<QualifiedName>,
    /// The client's body, until it is sent on.
    body: Option<RequestBody>,
    /// Whether the permit is recorded.
    recorded: bool,
    /// Whether no further record is due: the request was sent, or its failure is being recorded.
    settled: bool,
}

/// Answers one request, whatever happens.
///
/// The exchange begins with this call, not when the future is first polled: hyper may read a request and not
/// process it for a while.
pub(crate) fn answer(scope: Arc<Scope>, request: Request<Incoming>) -> impl Future<Output = Response<ResponseBody>> {
    let (mut parts, body) = request.into_parts();
    canonical::name_whole_server(&mut parts, scope.form);
    let mut exchange = Exchange::new(scope, parts.method.clone(), parts.uri.path());
    let unread = exchange.scope.activity.track_body();
    exchange.body = Some(RequestBody::new(body, unread, &exchange.scope.place));
    exchange.answer(parts)
}

impl Exchange {
    /// An exchange without a body or placeholders.
    fn new(scope: Arc<Scope>, method: Method, target: &str) -> Self {
        Self {
            _in_flight: scope.activity.begin(),
            scope,
            id: RecordId::random(),
            method,
            target: target.into(),
            names: Vec::new(),
            body: None,
            recorded: false,
            settled: false,
        }
    }

    async fn answer(mut self, parts: Parts) -> Response<ResponseBody> {
        let _head = HeldHead::of(&self.scope.place, &parts.headers);
        let bounded = canonical::check_bounds(&parts, &self.scope);
        let placeholders = bounded.is_ok().then(|| Placeholders::scan(&parts.headers)).flatten();
        // A client that waits for a 100 has not sent its body, and is not asked for it.
        let holds_back = parts.headers.contains_key(EXPECT) && parts.version != Version::HTTP_2;
        self.names = placeholders.as_ref().map(Placeholders::names).unwrap_or_default();
        let attempted = match bounded {
            Ok(()) => self.attempt(parts, placeholders).await,
            Err(failure) => Err(failure),
        };
        match attempted {
            Ok(response) => response,
            Err(failure) => {
                let answer = self.fail(failure).await;
                if let Some(mut body) = self.body.take().filter(|_| !holds_back) {
                    body.drain_rest();
                }
                answer
            }
        }
    }

    /// Scan, judge, reserve, record, connect, render, send: in this order, and nothing else.
    ///
    /// A refusal never dials. Nothing is sent that is not recorded. No byte of a request is written
    /// before the server is verified. Any error ends the request.
    async fn attempt(&mut self, parts: Parts, found: Option<Placeholders>) -> Result<Response<ResponseBody>, Failure> {
        let scope = self.scope.clone();
        let peers = &scope.peers;
        let mut canonical = CanonicalRequest::new(parts, found, &scope)?;
        let permit = match canonical.injection.take() {
            Some(injection) => Some(peers.secret_store.judge(injection).await?),
            None => None,
        };
        let reservation = self.reserve(self.need(canonical.offer)).await?;
        if permit.is_some() {
            peers.audit.permit(self.attempted(None)).await?;
            self.recorded = true;
        }
        let connection = self.connect(reservation).await?;
        let mut filled = None;
        if let Some(permit) = permit {
            connection.carries_secret();
            let rendered = peers.secret_store.render(permit).await?;
            filled = Some(Filled::new(rendered, &mut canonical.parts.headers));
        }
        self.send(connection, canonical, filled).await
    }

    fn need(&self, offer: Offer) -> Need {
        Need { offer, is_idempotent: self.method.is_idempotent(), made_after: None }
    }

    async fn reserve(&self, need: Need) -> Result<Reservation, Failure> {
        let Scope { client, destination, peers, .. } = &*self.scope;
        Ok(peers.upstream.reserve(*client, destination.clone(), need, self.patience()).await??)
    }

    async fn connect(&self, reservation: Reservation) -> Result<Connection, Failure> {
        match reservation {
            Reservation::Idle(connection) => Ok(*connection),
            Reservation::Route(route) => Ok(self.scope.peers.upstream.dial(route, self.patience()).await??),
        }
    }

    /// How long to wait for an owner that restarts. A request with placeholders is refused at once.
    fn patience(&self) -> Duration {
        if self.names.is_empty() { limits::RESTART_WAIT } else { Duration::ZERO }
    }

    /// Sends the request. Sends it again while no byte of it was written, if the server did not process it, or if it is
    /// idempotent and a kept connection was closed under it.
    async fn send(
        &mut self,
        mut connection: Connection,
        canonical: CanonicalRequest,
        mut filled: Option<Filled>,
    ) -> Result<Response<ResponseBody>, Failure> {
        let version = canonical.parts.version;
        let (mut request, offer, upgrade) = self.finished_request(canonical)?;
        let scope = self.scope.clone();
        // HTTP/1.0 has no interim responses, and hyper cannot send them in HTTP/2.
        let interims = Some(&scope.interims).filter(|_| version == Version::HTTP_11);
        let mut need = self.need(offer);
        let mut lost = None;
        for _ in 0..=limits::RESENDS_MAX {
            self.settled = true;
            let again = Copy::of(&mut request, &connection, filled.as_ref());
            request = match (connection.send(request, interims).await, again) {
                (Ok(response), _) => {
                    let client = Client { method: &self.method, version, upgrade, scope: &scope };
                    return response::pass_on(response, client);
                }
                (Err(SendError::Unsent(unsent)), _) => {
                    // If the client disconnects now, the request was not sent.
                    self.settled = lost.is_some();
                    *unsent
                }
                (Err(error), again) => {
                    resend::renew(&mut need, &error);
                    let Some(again) = resend::after(again, &error).await else { return Err(resend::failure(error)) };
                    lost = Some(resend::failure(error));
                    again
                }
            };
            // A request that was sent once is never reported as not sent.
            let head = request.headers_mut();
            let connected = self.reconnect(need, &mut filled, head).await;
            connection = connected.map_err(|failure| lost.take().unwrap_or(failure))?;
        }
        Err(lost.unwrap_or_else(resend::never_sent))
    }

    /// The request with its body, which waits for a 100 if the client does.
    fn finished_request(&mut self, canonical: CanonicalRequest) -> Result<Finished, Failure> {
        let CanonicalRequest { parts, offer, upgrade, holds_body, .. } = canonical;
        let mut body = self.body.take().ok_or(Failure::Malformed)?;
        body.drain_rest();
        let mut request = Request::from_parts(parts, body);
        if holds_body && !request.body().is_end_stream() {
            let wanted = expect_continue(&mut request);
            request.body_mut().hold(wanted);
        }
        Ok((request.map(Outgoing::new), offer, upgrade))
    }

    /// Another connection, after an idle one turned out to be closed. Dialling takes time: the head holds no value
    /// meanwhile, the permit is judged again, and the head gets the values of now.
    async fn reconnect(
        &self,
        need: Need,
        filled: &mut Option<Filled>,
        head: &mut HeaderMap,
    ) -> Result<Connection, Failure> {
        filled.iter().for_each(|filled| filled.clear(head));
        let reservation = self.reserve(need).await?;
        let connection = self.connect(reservation).await?;
        if let Some(before) = filled.take() {
            connection.carries_secret();
            let rendered = self.scope.peers.secret_store.render(before.into_permit()).await?;
            *filled = Some(Filled::new(rendered, head));
        }
        Ok(connection)
    }
}

/// A request ready to be sent, the versions that it may be sent in, and the client's end if it asked to upgrade.
type Finished = (Request<Outgoing>, Offer, Option<OnUpgrade>);
