//! Misbehaviour on demand, for tests of supervision. Only with the feature `faults`, which no release
//! build has.

use serde::Deserialize;

/// What an owner is to do.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Fault {
    /// The owner's name.
    pub(crate) owner: String,
    /// How it misbehaves.
    pub(crate) kind: Kind,
}

/// How an owner misbehaves.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// It panics in its handler.
    Crash,
}

impl Fault {
    /// Does it.
    ///
    /// # Panics
    /// That is the point.
    #[expect(clippy::panic, reason = "a fault is a panic")]
    pub(crate) fn strike(&self) -> ! {
        match self.kind {
            Kind::Crash => panic!("a test asked for this"),
        }
    }
}
