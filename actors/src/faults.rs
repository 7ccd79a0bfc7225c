//! Misbehaviour on demand, for tests of supervision. Only with the feature `faults`, which no release
//! build has.

use serde::Deserialize;

/// What an owner is to do.
#[derive(Clone, Debug, Deserialize)]
pub struct Fault {
    /// The owner's name.
    pub owner: String,
    /// How it misbehaves.
    pub kind: Kind,
}

/// How an owner misbehaves.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
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
