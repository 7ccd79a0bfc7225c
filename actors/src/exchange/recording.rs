//! Records of an exchange, and its end without an upstream response.

use http::Response;
use policy::name::QualifiedName;
use policy::record::{self, Attempt, Event, FIELD_BYTES_MAX, NAME_BYTES_MAX, NAMES_BYTES_MAX};
use policy::verdict::refusal::Refusal;
use tracing::{info, warn};

use super::failure::Failure;
use super::response_body::ResponseBody;
use super::scope::TargetForm;
use super::{Exchange, constant};
use crate::limits;
use crate::upstream::DialError;

impl Exchange {
    /// Records the failure, and gives the constant answer.
    pub(super) async fn fail(&mut self, failure: Failure) -> Response<ResponseBody> {
        if !self.names.is_empty() || matches!(failure, Failure::Refused(_)) {
            self.scope.refusals.acquire(&self.scope.peers.failures, self.record_units()).await;
        }
        self.settled = true;
        match failure {
            Failure::Malformed => {
                self.record_malformed().await;
                constant::bad_request()
            }
            Failure::TooLarge => {
                self.record_malformed().await;
                constant::head_too_large()
            }
            Failure::Refused(why) => {
                self.scope.refusals.count();
                if self.recorded {
                    self.record_not_sent(why.to_string()).await;
                } else {
                    self.record_refusal(why).await;
                }
                constant::forbidden(self.id)
            }
            Failure::NotSent(error) => {
                self.record_not_sent(error.reason.clone()).await;
                gateway(&error)
            }
            Failure::NoResponse(error) => {
                info!(id = %self.id, destination = %self.scope.destination, reason = error.reason, "no response");
                gateway(&error)
            }
        }
    }

    async fn record_malformed(&self) {
        if !self.names.is_empty() {
            self.scope.refusals.count();
            self.record_refusal(Refusal::Malformed).await;
        }
    }

    async fn record_refusal(&self, why: Refusal) {
        let reason = why.to_string();
        let peers = &self.scope.peers;
        if peers.audit.append_or_count(self.attempted(Some(why))).await.is_err() {
            warn!(id = %self.id, names = ?self.names, destination = %self.scope.destination, reason, "refused, not recorded");
        }
    }

    /// Records that a permitted request was not sent. Without a permit the log has a line, and the audit none.
    async fn record_not_sent(&self, reason: String) {
        info!(id = %self.id, destination = %self.scope.destination, reason, "not sent");
        if self.names.is_empty() && !self.recorded {
            return;
        }
        let audit = &self.scope.peers.audit;
        if !self.recorded {
            audit.append_detached(self.attempted(None));
        }
        // Both records are under way before the first await.
        let _ = audit.append_or_count(Event::not_sent(self.id, &reason)).await;
    }

    /// The size of its record, in the units of the rate limiters.
    pub(super) fn record_units(&self) -> u32 {
        let names: usize = self.names.iter().map(|name| name.text().len().min(NAME_BYTES_MAX)).sum();
        let bytes = names.min(NAMES_BYTES_MAX) + self.target.len().min(FIELD_BYTES_MAX);
        u32::try_from(bytes / limits::RECORD_BYTES).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The record of the attempt: permitted, or refused for this reason.
    pub(super) fn attempted(&self, refusal: Option<Refusal>) -> Event<'static> {
        let destination = &self.scope.destination;
        Event::Attempt(Attempt {
            secrets: record::bounded_names(self.names.iter().map(QualifiedName::text)),
            method: record::bounded_method(self.method.as_str()),
            host: destination.host.to_string().into(),
            path: record::bounded(&self.target),
            blocked: refusal.is_some(),
            reason: refusal.map(|refusal| record::bounded(&refusal.to_string())),
            id: self.id.into(),
            port: Some(destination.port),
            scheme: destination.scheme.as_str().into(),
            tunnel: self.scope.form == TargetForm::Passthrough,
        })
    }
}

/// A client that disconnects drops its exchange at any await. A request with placeholders is recorded all the same,
/// or counted if there are too many.
impl Drop for Exchange {
    fn drop(&mut self) {
        if self.settled || (self.names.is_empty() && !self.recorded) {
            return;
        }
        let event = if self.recorded {
            Event::not_sent(self.id, &Refusal::ClientGone.to_string())
        } else {
            self.attempted(Some(Refusal::ClientGone))
        };
        let peers = &self.scope.peers;
        if peers.failures.try_acquire(self.record_units()) {
            peers.audit.append_detached(event);
        } else {
            peers.audit.count_unrecorded();
        }
    }
}

fn gateway(error: &DialError) -> Response<ResponseBody> {
    if error.timed_out { constant::gateway_timeout() } else { constant::bad_gateway() }
}
