//! One request and its response. [`Exchange::attempt`] is the security argument, in order.

mod canonical;
pub(crate) mod constant;
pub(crate) mod passthrough;
pub(crate) mod rate_limit;
mod recording;
mod resend;
pub(crate) mod response;

use std::sync::Arc;
use std::time::Duration;

use http::header::EXPECT;
use http::request::Parts;
use http::{Method, Request, Response, Version};
use hyper::body::{Body, Incoming};
use policy::name::Name;
use policy::request::fields::Fields;
use policy::verdict::judge::Permit;

use self::canonical::Canonical;
use self::recording::Ending;
use crate::hex::RecordId;
use crate::limits;
use crate::session::Path;
use crate::upstream::{Connection, Lane, Offer, SendError};
use crate::wire::activity::Ongoing;
use crate::wire::request_body::{RequestBody, ResponseBody};

/// One request on its way, and what its record needs.
pub(crate) struct Exchange {
    pub(crate) path: Arc<Path>,
    /// Says that it is under way.
    _ongoing: Ongoing,
    pub(crate) id: RecordId,
    pub(crate) method: Method,
    /// The path of its URI: a copy, because the URI itself would hold on to the buffer that it was read into.
    pub(crate) target: Arc<str>,
    pub(crate) names: Vec<Name>,
    /// The client's body, until it is sent on.
    body: Option<RequestBody>,
    /// Whether a record of the permit stands in the file.
    pub(crate) recorded: bool,
    /// Whether nothing more is to be recorded: it was sent, or how it ended is being told.
    pub(crate) settled: bool,
}

/// Answers one request, whatever happens.
///
/// The exchange begins with this call, not when its answer is first waited for: hyper may read a request and do
/// nothing with it for a while.
pub(crate) fn answer(path: Arc<Path>, request: Request<Incoming>) -> impl Future<Output = Response<ResponseBody>> {
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange::new(path, parts.method.clone(), parts.uri.path());
    exchange.body = Some(RequestBody::new(body, exchange.path.activity.reads_body()));
    exchange.answer(parts)
}

impl Exchange {
    async fn answer(mut self, parts: Parts) -> Response<ResponseBody> {
        let fields = Fields::scan(&parts.headers);
        // A client that waits for 100 has not sent its body and need not be asked for it.
        let holds_back = parts.headers.contains_key(EXPECT) && parts.version != Version::HTTP_2;
        self.names = fields.as_ref().map(Fields::names).unwrap_or_default();
        match self.attempt(parts, fields).await {
            Ok(response) => response,
            Err(ending) => {
                let answer = self.end(ending).await;
                if let Some(mut body) = self.body.take().filter(|_| !holds_back) {
                    body.linger();
                }
                answer
            }
        }
    }

    /// An exchange that has no body and asks for nothing, yet.
    pub(crate) fn new(path: Arc<Path>, method: Method, target: &str) -> Self {
        Self {
            _ongoing: path.activity.begin(),
            path,
            id: RecordId::random(),
            method,
            target: target.into(),
            names: Vec::new(),
            body: None,
            recorded: false,
            settled: false,
        }
    }

    /// Scan, judge, find a way, record, connect, render, send: in this order, and nothing else.
    ///
    /// A refusal never dials. Nothing is sent that is not recorded. No byte of a request is written
    /// before the server was verified. An error anywhere ends the request.
    async fn attempt(&mut self, parts: Parts, fields: Option<Fields>) -> Result<Response<ResponseBody>, Ending> {
        let peers = self.path.peers.clone();
        let mut canonical = Canonical::new(parts, fields, &self.path)?;
        let permit = match canonical.injection.take() {
            Some(request) => Some(peers.secret_store.judge(request).await?),
            None => None,
        };
        let lane = self.reserve(canonical.offer).await?;
        if permit.is_some() {
            peers.audit.append(self.entry(None)).await?;
            self.recorded = true;
        }
        let connection = self.connect(lane).await?;
        let mut sent_under = None;
        if let Some(permit) = permit {
            connection.carries_secret();
            let rendered = peers.secret_store.render(permit).await?;
            sent_under = Some(rendered.apply(&mut canonical.parts.headers));
        }
        self.send(connection, canonical, sent_under).await
    }

    pub(crate) async fn reserve(&self, offer: Offer) -> Result<Lane, Ending> {
        let destination = self.path.destination.clone();
        Ok(self.path.peers.upstream.reserve(self.path.client, destination, offer, self.patience()).await??)
    }

    async fn connect(&self, lane: Lane) -> Result<Connection, Ending> {
        match lane {
            Lane::Idle(connection) => Ok(*connection),
            Lane::Route(route) => Ok(self.path.peers.upstream.dial(route, self.patience()).await??),
        }
    }

    /// Requests without placeholders wait for an owner that is restarting; down is closed to others.
    pub(crate) fn patience(&self) -> Duration {
        if self.names.is_empty() { limits::RESTART } else { Duration::ZERO }
    }

    /// Sends the request; over again while not a byte of it was written, or if it changes nothing and a
    /// kept connection was closed under it.
    async fn send(
        &mut self,
        mut connection: Connection,
        canonical: Canonical,
        mut permit: Option<Permit>,
    ) -> Result<Response<ResponseBody>, Ending> {
        let Canonical { parts, offer, upgrade, holds_body, .. } = canonical;
        let mut body = self.body.take().ok_or(Ending::Malformed)?;
        body.linger();
        let mut request = Request::from_parts(parts, body);
        if holds_body && !request.body().is_end_stream() {
            response::hold_body(&mut request);
        }
        let mut lost = None;
        for _ in 0..=limits::RESENDS_MAX {
            self.settled = true;
            let again = resend::copy(&request, &connection);
            request = match (connection.send(request).await, again) {
                (Ok(response), _) => return Ok(response::response(response, connection, upgrade, &self.path)),
                (Err(SendError::Unsent(unsent)), _) => {
                    // If the client leaves now, it was not sent.
                    self.settled = lost.is_some();
                    *unsent
                }
                (Err(SendError::Failed(error)), Some(again)) if !error.is_parse() => {
                    lost = Some(resend::ending(SendError::Failed(error)));
                    again
                }
                (Err(error), _) => return Err(resend::ending(error)),
            };
            // What was sent once is never told to be unsent.
            connection = self.another(offer, &mut permit).await.map_err(|ending| lost.take().unwrap_or(ending))?;
        }
        Err(lost.unwrap_or_else(resend::in_vain))
    }

    /// Another connection, after an idle one turned out to be closed. Dialling takes a while: what was
    /// permitted before it must be permitted still.
    async fn another(&self, offer: Offer, permit: &mut Option<Permit>) -> Result<Connection, Ending> {
        let lane = self.reserve(offer).await?;
        let connection = self.connect(lane).await?;
        if let Some(granted) = permit.take() {
            connection.carries_secret();
            *permit = Some(self.path.peers.secret_store.render(granted).await?.into_permit());
        }
        Ok(connection)
    }
}
