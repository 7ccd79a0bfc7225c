//! Starting owners, starting them again, and reaching them meanwhile. No owner is known here by name.

#[macro_use]
pub(crate) mod heartbeat;

pub(crate) mod budget;
pub(crate) mod child;
pub(crate) mod drain;
#[cfg(feature = "faults")]
pub(crate) mod faults;
pub(crate) mod part;
mod progress;
pub(crate) mod report;
pub(crate) mod root;
pub mod runtime;
pub(crate) mod slot;
pub(crate) mod tasks;
