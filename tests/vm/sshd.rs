//! Promise: a tunnel into a VM carries requests, reconnects after every failure, and shows no value to the VM.
//!
//! The VM is a stand-in ([`crate::support::vm`]) that needs root: `cargo test` names these tests as ignored,
//! and `tests/vm` runs them.

mod bench;
mod faults;
mod way;

pub(crate) use self::bench::Bench;
