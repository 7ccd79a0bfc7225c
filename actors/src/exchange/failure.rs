//! The reasons why an exchange has no upstream response.

use policy::verdict::refusal::Refusal;

use crate::supervision::slot::Unavailable;
use crate::upstream::{DialError, NoRoute};

/// Why a request gets no response from upstream, and so a constant answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The request is ambiguous: 400.
    Malformed,
    /// The request has too many fields: 431.
    TooManyFields,
    /// The request is refused: 403. Nothing was dialled or sent.
    Refused(Refusal),
    /// The request was permitted and then not sent: 502 or 504.
    NotSent(DialError),
    /// The request was sent, and no response came: 502 or 504.
    NoResponse(DialError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unavailable> for Failure {
    fn from(Unavailable(owner): Unavailable) -> Self {
        Self::Refused(Refusal::Unavailable(owner))
    }
}

impl From<NoRoute> for Failure {
    fn from(no_route: NoRoute) -> Self {
        match no_route {
            NoRoute::Denied(refusal) => Self::Refused(refusal),
            NoRoute::Unresolved(reason) => Self::NotSent(DialError { timed_out: false, reason }),
        }
    }
}

impl From<DialError> for Failure {
    fn from(error: DialError) -> Self {
        Self::NotSent(error)
    }
}
