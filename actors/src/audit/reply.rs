//! Who hears whether a record was written.

use std::sync::Arc;

use ractor::RpcReplyPort;

use super::NotWritten;
use crate::status::Board;

/// Whom to tell.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A request waits.
    Awaited(RpcReplyPort<Result<(), NotWritten>>),
    /// Nobody does: the record is counted if it is not written.
    Owed(Owed),
}

/// A record that somebody has to write or to count, even if it is lost with its owner.
#[derive(Debug)]
pub(crate) struct Owed(Option<Arc<Board>>);

impl From<RpcReplyPort<Result<(), NotWritten>>> for Reply {
    fn from(port: RpcReplyPort<Result<(), NotWritten>>) -> Self {
        Self::Awaited(port)
    }
}

impl Reply {
    /// For a record that nobody waits for.
    pub(super) fn owed(board: &Arc<Board>) -> Self {
        Self::Owed(Owed(Some(board.clone())))
    }

    /// Whether nobody cares any more.
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Awaited(port) => port.is_closed(),
            Self::Owed(_) => false,
        }
    }

    pub(super) fn send(self, outcome: Result<(), NotWritten>) {
        match self {
            // Who has gone away meanwhile need not know.
            Self::Awaited(port) => drop(port.send(outcome)),
            Self::Owed(mut owed) if outcome.is_ok() => drop(owed.0.take()),
            Self::Owed(_) => {}
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if let Some(board) = &self.0 {
            board.unrecorded.add_one();
        }
    }
}
