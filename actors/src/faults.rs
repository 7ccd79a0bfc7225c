//! Misbehaviour on demand, for tests of supervision. Only with the feature `faults`, which no release
//! build has.

/// Lets an owner's messages be a fault. Nothing without the feature.
macro_rules! accept_faults {
    ($message:ty) => {
        #[cfg(feature = "faults")]
        impl From<$crate::faults::Fault> for $message {
            fn from(fault: $crate::faults::Fault) -> Self {
                Self::Fault(fault)
            }
        }
    };
}

#[cfg(feature = "faults")]
use serde::Deserialize;

/// What an owner is to do.
#[cfg(feature = "faults")]
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Fault {
    /// The owner's name.
    pub(crate) owner: String,
    /// How it misbehaves.
    pub(crate) kind: Kind,
}

/// How an owner misbehaves.
#[cfg(feature = "faults")]
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// It panics in its handler.
    Crash,
}

#[cfg(feature = "faults")]
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
