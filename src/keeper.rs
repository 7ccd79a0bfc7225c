//! The tunnel keeper: holds a reverse SSH forward into a VM, and checks that it works.
//!
//! [`machine`] is pure and decides what to do next; [`run`] does it and reports to the daemon. A probe goes through the
//! VM and back to the proxy to check the tunnel ([`probe`]). Nothing here touches a secret.

mod connection;
mod event;
mod forward;
mod machine;
mod probe;
mod reporter;
mod run;
mod sleep;
mod ssh_error;

pub(crate) use self::forward::Target;
pub(crate) use self::run::{Config, Keeper};
