//! Promise: a tunnel into a VM carries requests and mends itself, whatever ends it, and the VM sees no value.
//!
//! The VM is a stand-in ([`crate::support::vm`]) that needs root: `cargo test` names these tests as ignored,
//! and `tests/vm` runs them.

mod bench;
mod faults;
mod way;

pub(crate) use self::bench::Bench;
