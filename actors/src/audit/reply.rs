//! Replies to those who wait for a record, and the duty to count a lost one.

use ractor::RpcReplyPort;

use super::report::Part;
use crate::hex::RecordId;

/// The line could not be written; `status` gives the reason.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotWritten;

/// Who waits for a record.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A request waits. If it stops waiting, its permit is not needed any more.
    Awaited(RpcReplyPort<Result<(), NotWritten>>),
    /// The record is written, or counted if that fails, whether somebody waits or not.
    Required(Obligation, Option<RpcReplyPort<Result<(), NotWritten>>>),
    /// The same, of a refusal, which is found under this id.
    Refused(Obligation, RecordId, Option<RefusalPort>),
}

/// Who waits for the id that a refusal is found under.
pub(crate) type RefusalPort = RpcReplyPort<Result<RecordId, NotWritten>>;

/// The duty to record a refusal, and who waits for it, if anybody does.
pub(crate) type RefusalReply = (Obligation, Option<RefusalPort>);

/// The duty to write a record or to count it, even if it is lost with its owner.
#[derive(Debug, Default)]
pub(crate) struct Obligation(Option<(Part, u64)>);

impl From<RpcReplyPort<Result<(), NotWritten>>> for Reply {
    fn from(port: RpcReplyPort<Result<(), NotWritten>>) -> Self {
        Self::Awaited(port)
    }
}

impl Reply {
    /// Whether nobody waits for the record any more, or needs it.
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Awaited(port) => port.is_closed(),
            Self::Required(..) | Self::Refused(..) => false,
        }
    }

    pub(super) fn send(self, outcome: Result<(), NotWritten>) {
        match self {
            // The caller may have gone away.
            Self::Awaited(port) => drop(port.send(outcome)),
            Self::Required(obligation, port) => {
                if outcome.is_ok() {
                    obligation.fulfil();
                }
                port.into_iter().for_each(|port| drop(port.send(outcome)));
            }
            Self::Refused(obligation, id, port) => {
                if outcome.is_ok() {
                    obligation.fulfil();
                }
                port.into_iter().for_each(|port| drop(port.send(outcome.map(|()| id))));
            }
        }
    }
}

impl Obligation {
    pub(super) fn by(part: &Part) -> Self {
        Self(Some((part.clone(), 1)))
    }

    /// Takes over what another one has to count.
    pub(super) fn absorb(&mut self, mut other: Self) {
        match (&mut self.0, other.0.take()) {
            (Some((_, count)), Some((_, more))) => *count += more,
            (none @ None, other) => *none = other,
            (Some(_), None) => {}
        }
    }

    fn fulfil(mut self) {
        self.0 = None;
    }
}

impl Drop for Obligation {
    fn drop(&mut self) {
        if let Some((part, count)) = &self.0 {
            part.counters().unrecorded.add(*count);
        }
    }
}
