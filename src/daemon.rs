//! The process of `run`: hardening, signals, log, watchdog.

pub(crate) mod harden;
pub(crate) mod inherited_sockets;
pub(crate) mod logging;
pub(crate) mod readiness;
pub(crate) mod signals;
pub(crate) mod watchdog;
