//! How an exchange ends that gets no response from upstream: recorded, and with a constant answer.

use http::Response;
use policy::name::Name;
use policy::record::{self, Attempt, Event, FIELD_BYTES_MAX, NAME_BYTES_MAX, NAMES_BYTES_MAX};
use policy::verdict::refusal::Refusal;
use tracing::{info, warn};

use super::{Exchange, constant};
use crate::limits;
use crate::session::Form;
use crate::supervision::slot::Unavailable;
use crate::upstream::{DialError, NoRoute};
use crate::wire::request_body::ResponseBody;

/// How a request ends that gets no response from upstream.
#[derive(Debug)]
pub(crate) enum Ending {
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

impl Exchange {
    /// Records how it ended, and gives the constant answer.
    pub(crate) async fn end(&mut self, ending: Ending) -> Response<ResponseBody> {
        if !self.names.is_empty() || matches!(ending, Ending::Refused(_)) {
            self.path.refusals.turns(&self.path.peers.pace, self.turns()).await;
        }
        self.settled = true;
        match ending {
            Ending::Malformed => {
                if !self.names.is_empty() {
                    self.path.refusals.count();
                    self.record_refusal(Refusal::Malformed).await;
                }
                constant::bad_request()
            }
            Ending::Refused(why) => {
                self.path.refusals.count();
                if self.recorded {
                    self.record_not_sent(why.to_string()).await;
                } else {
                    self.record_refusal(why).await;
                }
                constant::forbidden(self.id)
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
        let peers = &self.path.peers;
        if peers.audit.append_or_count(self.entry(Some(why))).await.is_err() {
            warn!(id = %self.id, names = ?self.names, destination = %self.path.destination, reason, "refused, not recorded");
        }
    }

    /// A permitted request was not sent. Without a permit there is nothing to say but in the log.
    async fn record_not_sent(&self, reason: String) {
        info!(id = %self.id, destination = %self.path.destination, reason, "not sent");
        if self.names.is_empty() && !self.recorded {
            return;
        }
        let audit = &self.path.peers.audit;
        if !self.recorded {
            audit.append_detached(self.entry(None));
        }
        // Both are under way before anything is waited for.
        let _ = audit.append_or_count(Event::not_sent(self.id, &reason)).await;
    }

    /// How many turns its record takes.
    pub(crate) fn turns(&self) -> u32 {
        let names: usize = self.names.iter().map(|name| name.as_str().len().min(NAME_BYTES_MAX)).sum();
        let bytes = names.min(NAMES_BYTES_MAX) + self.target.len().min(FIELD_BYTES_MAX);
        u32::try_from(bytes / limits::RECORD_BYTES).unwrap_or(u32::MAX).saturating_add(1)
    }

    pub(crate) fn entry(&self, refusal: Option<Refusal>) -> Event<'static> {
        let destination = &self.path.destination;
        Event::Attempt(Attempt {
            secrets: record::bounded_names(self.names.iter().map(Name::as_str)),
            method: record::bounded_method(self.method.as_str()),
            host: destination.host.to_string().into(),
            path: record::bounded(&self.target),
            blocked: refusal.is_some(),
            reason: refusal.map(|refusal| record::bounded(&refusal.to_string())),
            id: self.id.into(),
            port: Some(destination.port),
            scheme: destination.scheme.as_str().into(),
            tunnel: self.path.form == Form::Bytes,
        })
    }
}

/// A client that goes away takes its request along, wherever it is by then. That it asked for a secret
/// is recorded all the same, or at least counted if too many do so.
impl Drop for Exchange {
    fn drop(&mut self) {
        if self.settled || (self.names.is_empty() && !self.recorded) {
            return;
        }
        let entry = if self.recorded {
            Event::not_sent(self.id, &Refusal::ClientGone.to_string())
        } else {
            self.entry(Some(Refusal::ClientGone))
        };
        let peers = &self.path.peers;
        if peers.pace.turns_at_once(self.turns()) {
            peers.audit.append_detached(entry);
        } else {
            peers.audit.count_unrecorded();
        }
    }
}

fn gateway(error: &DialError) -> Response<ResponseBody> {
    if error.timed_out { constant::gateway_timeout() } else { constant::bad_gateway() }
}
