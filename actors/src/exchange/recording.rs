//! Records of an exchange, and its end without an upstream response.

use http::{Method, Response};
use policy::name::QualifiedName;
use policy::record::{self, Attempt, Event};
use policy::verdict::refusal::Refusal;
use tracing::{info, warn};

use super::failure::Failure;
use super::response_body::ResponseBody;
use super::scope::TargetForm;
use super::{Exchange, constant};
use crate::hex::RecordId;
use crate::upstream::DialError;

impl Exchange {
    /// Records the failure, and gives the constant answer.
    pub(super) async fn fail(&mut self, failure: Failure) -> Response<ResponseBody> {
        self.settled = true;
        let mut answer = self.answer_failure(failure).await;
        if self.method == Method::HEAD {
            // hyper would send it in HTTP/2.
            *answer.body_mut() = ResponseBody::empty();
        }
        answer
    }

    async fn answer_failure(&self, failure: Failure) -> Response<ResponseBody> {
        match failure {
            Failure::Malformed => {
                self.record_malformed().await;
                constant::malformed()
            }
            Failure::TooManyFields => {
                self.record_malformed().await;
                constant::too_many_fields()
            }
            Failure::Refused(why) => {
                self.scope.refusals.count();
                if self.recorded {
                    self.record_not_sent(why.to_string()).await;
                    return constant::forbidden(self.id);
                }
                constant::forbidden(self.record_refusal(why).await)
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

    /// A request without placeholders is not recorded.
    async fn record_malformed(&self) {
        if !self.names.is_empty() {
            self.scope.refusals.count();
            self.record_refusal(Refusal::Malformed).await;
        }
    }

    /// Records a refusal, and returns the id that it is found under.
    async fn record_refusal(&self, why: Refusal) -> RecordId {
        let reason = why.to_string();
        self.scope.peers.audit.refuse(self.attempted(Some(why))).await.unwrap_or_else(|_| {
            let destination = &self.scope.destination;
            warn!(id = %self.id, names = ?self.names, %destination, reason, "refused, not recorded");
            self.id
        })
    }

    /// Records that a permitted request was not sent. Without a permit the log has a line, and the audit none.
    async fn record_not_sent(&self, reason: String) {
        info!(id = %self.id, destination = %self.scope.destination, reason, "not sent");
        if self.names.is_empty() && !self.recorded {
            return;
        }
        let audit = &self.scope.peers.audit;
        if !self.recorded {
            audit.append_detached(Event::Attempt(self.attempted(None)));
        }
        // Both records are under way before the first await.
        let _ = audit.append_or_count(Event::not_sent(self.id, &reason)).await;
    }

    /// The attempt, as it is recorded: permitted, or refused for this reason.
    pub(super) fn attempted(&self, refusal: Option<Refusal>) -> Attempt<'static> {
        let destination = &self.scope.destination;
        Attempt {
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
        }
    }
}

/// A client that disconnects drops its exchange at any await. A request with placeholders is recorded all the same.
impl Drop for Exchange {
    fn drop(&mut self) {
        if self.settled || (self.names.is_empty() && !self.recorded) {
            return;
        }
        let audit = &self.scope.peers.audit;
        if self.recorded {
            audit.append_detached(Event::not_sent(self.id, &Refusal::ClientGone.to_string()));
        } else {
            audit.refuse_detached(self.attempted(Some(Refusal::ClientGone)));
        }
    }
}

fn gateway(error: &DialError) -> Response<ResponseBody> {
    if error.timed_out { constant::gateway_timeout() } else { constant::bad_gateway() }
}
