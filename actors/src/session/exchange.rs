//! One request and its response. [`Exchange::attempt`] is the security argument, in order.

use std::sync::Arc;
use std::time::Duration;

use http::header::EXPECT;
use http::request::Parts;
use http::{Method, Request, Response, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use policy::judge::Permit;
use policy::refusal::Refusal;
use policy::rewrite::Fields;
use policy::secret::Name;
use tokio::time::timeout;
use tracing::{info, warn};

use super::request::Canonical;
use super::{Path, refusal, relay};
use crate::audit::{Attempt, Entry};
use crate::body::{RequestBody, ResponseBody};
use crate::hex::RecordId;
use crate::limits;
use crate::slot::Unavailable;
use crate::upstream::{Connection, DialError, Lane, NoRoute, Offer, SendError};

/// How a request ends that gets no response from upstream.
#[derive(Debug)]
pub(super) enum Ending {
    /// It cannot be read without doubt: 400.
    Malformed,
    /// It is refused: 403, and nothing was dialled or sent.
    Refused(Refusal),
    /// It was permitted and then not sent: 502 or 504.
    NotSent(DialError),
    /// It was sent, and no response came: 502 or 504.
    Failed(DialError),
}

impl From<Refusal> for Ending {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unavailable> for Ending {
    fn from(Unavailable(owner): Unavailable) -> Self {
        Self::Refused(Refusal::Unavailable(owner))
    }
}

impl From<NoRoute> for Ending {
    fn from(no_route: NoRoute) -> Self {
        match no_route {
            NoRoute::Denied(refusal) => Self::Refused(refusal),
            NoRoute::Unresolved(reason) => Self::NotSent(DialError { timed_out: false, reason }),
        }
    }
}

impl From<DialError> for Ending {
    fn from(error: DialError) -> Self {
        Self::NotSent(error)
    }
}

/// One request on its way, and what its record needs.
pub(super) struct Exchange {
    path: Arc<Path>,
    /// Says that the client's connection is not idle.
    _activity: Arc<()>,
    id: RecordId,
    method: Method,
    uri: Uri,
    names: Vec<Name>,
    /// The client's body, until it is sent on.
    body: Option<RequestBody>,
    /// Whether a record of the permit stands in the file.
    recorded: bool,
    /// Whether nothing more is to be recorded: it was sent, or how it ended is being told.
    settled: bool,
}

/// Answers one request, whatever happens.
pub(super) async fn answer(path: Arc<Path>, request: Request<Incoming>) -> Response<ResponseBody> {
    let (parts, body) = request.into_parts();
    let fields = Fields::scan(&parts.headers);
    // A client that waits for 100 has not sent its body and need not be asked for it. In HTTP/2 an
    // answer can be read while the body is still being sent.
    let holds_back = parts.headers.contains_key(EXPECT) || parts.version == Version::HTTP_2;
    let mut exchange = Exchange {
        _activity: path.activity.clone(),
        path,
        id: RecordId::random(),
        method: parts.method.clone(),
        uri: parts.uri.clone(),
        names: fields.as_ref().map(Fields::names).unwrap_or_default(),
        body: Some(RequestBody::new(body)),
        recorded: false,
        settled: false,
    };
    match exchange.attempt(parts, fields).await {
        Ok(response) => response,
        Err(ending) => {
            // Recorded first: a client that goes away while its body is drained ends all this.
            let answer = exchange.end(ending).await;
            if let Some(body) = exchange.body.take().filter(|_| !holds_back) {
                drain(body).await;
            }
            answer
        }
    }
}

impl Exchange {
    /// Scan, judge, find a way, record, connect, render, send: in this order, and nothing else.
    ///
    /// A refusal never dials. Nothing is sent that is not recorded. No byte of a request is written
    /// before the server was verified. An error anywhere ends the request.
    async fn attempt(&mut self, parts: Parts, fields: Option<Fields>) -> Result<Response<ResponseBody>, Ending> {
        let peers = self.path.peers.clone();
        let mut canonical = Canonical::new(parts, fields, &self.path)?;
        let permit = match canonical.plea.take() {
            Some(plea) => Some(peers.secret_store.judge(plea).await?),
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

    async fn reserve(&self, offer: Offer) -> Result<Lane, Ending> {
        let destination = self.path.destination.clone();
        Ok(self.path.peers.upstream.reserve(destination, offer, self.patience()).await??)
    }

    async fn connect(&self, lane: Lane) -> Result<Connection, Ending> {
        match lane {
            Lane::Idle(connection) => Ok(*connection),
            Lane::Route(route) => Ok(self.path.peers.upstream.dial(route, self.patience()).await??),
        }
    }

    /// Requests without placeholders wait for an owner that is restarting; down is closed to others.
    fn patience(&self) -> Duration {
        if self.names.is_empty() { limits::RESTART } else { Duration::ZERO }
    }

    /// Sends the request; over again only while not a byte of it was written.
    async fn send(
        &mut self,
        mut connection: Connection,
        canonical: Canonical,
        mut permit: Option<Permit>,
    ) -> Result<Response<ResponseBody>, Ending> {
        let Canonical { parts, offer, upgrade, holds_body, .. } = canonical;
        let body = self.body.take().ok_or(Ending::Malformed)?;
        self.settled = true;
        let mut request = Request::from_parts(parts, body);
        if holds_body && !request.body().is_end_stream() {
            relay::hold_body(&mut request);
        }
        for _ in 0..=limits::RESENDS_MAX {
            match connection.send(request).await {
                Ok(response) => return Ok(relay::response(response, connection, upgrade, &self.path)),
                Err(SendError::Unsent(unsent)) => {
                    request = *unsent;
                    connection = self.another(offer, &mut permit).await?;
                }
                Err(SendError::Failed(error)) => {
                    let reason = format!("sending: {error}");
                    return Err(Ending::Failed(DialError { timed_out: false, reason }));
                }
                Err(SendError::TimedOut) => {
                    let reason = "no response in time".to_owned();
                    return Err(Ending::Failed(DialError { timed_out: true, reason }));
                }
            }
        }
        let reason = "connections close before a request is sent".to_owned();
        Err(Ending::NotSent(DialError { timed_out: false, reason }))
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

    /// Records how it ended, and gives the constant answer.
    async fn end(&mut self, ending: Ending) -> Response<ResponseBody> {
        if !self.names.is_empty() || matches!(ending, Ending::Refused(_)) {
            self.path.peers.pace.turn().await;
        }
        self.settled = true;
        match ending {
            Ending::Malformed => {
                if !self.names.is_empty() {
                    self.path.refusals.count();
                    self.record_refusal(Refusal::Malformed).await;
                }
                refusal::bad_request()
            }
            Ending::Refused(why) => {
                self.path.refusals.count();
                if self.recorded {
                    self.record_not_sent(why.to_string()).await;
                } else {
                    self.record_refusal(why).await;
                }
                refusal::forbidden(self.id)
            }
            Ending::NotSent(error) => {
                self.record_not_sent(error.reason.clone()).await;
                gateway(&error)
            }
            Ending::Failed(error) => {
                info!(id = %self.id, destination = %self.path.destination, reason = error.reason, "no response");
                gateway(&error)
            }
        }
    }

    async fn record_refusal(&self, why: Refusal) {
        let reason = why.to_string();
        if self.path.peers.audit.append(self.entry(Some(why))).await.is_err() {
            self.path.peers.board.unrecorded.add_one();
            warn!(id = %self.id, names = ?self.names, destination = %self.path.destination, reason, "refused, not recorded");
        }
    }

    /// A permitted request was not sent. Without a permit there is nothing to say but in the log.
    async fn record_not_sent(&mut self, reason: String) {
        info!(id = %self.id, destination = %self.path.destination, reason, "not sent");
        if self.names.is_empty() {
            return;
        }
        let audit = &self.path.peers.audit;
        if !self.recorded {
            self.recorded = audit.append(self.entry(None)).await.is_ok();
        }
        let entry = Entry::NotSent { id: self.id, reason };
        if !self.recorded || audit.append(entry).await.is_err() {
            self.path.peers.board.unrecorded.add_one();
        }
    }

    fn entry(&self, refusal: Option<Refusal>) -> Entry {
        Entry::Attempt(Attempt {
            id: self.id,
            names: self.names.clone(),
            method: self.method.clone(),
            destination: self.path.destination.clone(),
            path: self.uri.path().to_owned(),
            refusal,
        })
    }
}

/// A client that goes away takes its request along, wherever it is by then. That it asked for a secret
/// is recorded all the same, or at least counted if too many do so.
impl Drop for Exchange {
    fn drop(&mut self) {
        if self.settled || self.names.is_empty() {
            return;
        }
        let entry = if self.recorded {
            Entry::NotSent { id: self.id, reason: Refusal::ClientGone.to_string() }
        } else {
            self.entry(Some(Refusal::ClientGone))
        };
        let peers = &self.path.peers;
        if !peers.pace.turn_at_once() || peers.audit.append_soon(entry).is_err() {
            peers.board.unrecorded.add_one();
        }
    }
}

fn gateway(error: &DialError) -> Response<ResponseBody> {
    if error.timed_out { refusal::gateway_timeout() } else { refusal::bad_gateway() }
}

/// Reads a body that nobody wants, up to a bound, so that a client that is still sending gets to
/// see the answer.
async fn drain(mut body: RequestBody) {
    let mut bytes = 0;
    let reading = async {
        while let Ok(Some(Ok(frame))) = timeout(limits::DRAINED_PAUSE, body.frame()).await {
            bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
            if bytes > limits::DRAINED_BYTES_MAX {
                return;
            }
        }
    };
    let _ = timeout(limits::DRAINED_WITHIN, reading).await;
}
