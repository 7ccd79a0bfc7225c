//! Who hears whether a record was written.

use ractor::RpcReplyPort;

use super::NotWritten;
use super::report::Part;

/// Whom to tell.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A request waits, and only as long as it does is the record wanted.
    Awaited(RpcReplyPort<Result<(), NotWritten>>),
    /// The record is written, or counted if it cannot be, whether somebody waits or not.
    Owed(Owed, Option<RpcReplyPort<Result<(), NotWritten>>>),
}

/// A record that somebody has to write or to count, even if it is lost with its owner.
#[derive(Debug)]
pub(crate) struct Owed(Option<Part>);

impl From<RpcReplyPort<Result<(), NotWritten>>> for Reply {
    fn from(port: RpcReplyPort<Result<(), NotWritten>>) -> Self {
        Self::Awaited(port)
    }
}

impl Reply {
    /// Whether nobody cares any more.
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Awaited(port) => port.is_closed(),
            Self::Owed(..) => false,
        }
    }

    pub(super) fn send(self, outcome: Result<(), NotWritten>) {
        match self {
            // Who has gone away meanwhile need not know.
            Self::Awaited(port) => drop(port.send(outcome)),
            Self::Owed(owed, port) => {
                if outcome.is_ok() {
                    owed.done();
                }
                port.into_iter().for_each(|port| drop(port.send(outcome)));
            }
        }
    }
}

impl Owed {
    pub(super) fn by(part: &Part) -> Self {
        Self(Some(part.clone()))
    }

    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if let Some(part) = &self.0 {
            part.counters().unrecorded.add_one();
        }
    }
}
