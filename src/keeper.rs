//! The tunnel keeper: holds a reverse SSH forward into a VM, and knows whether it works.
//!
//! What to do next is decided by [`machine`], which is pure. [`run`] does it, with the children of
//! [`crate::vm`], and tells the daemon how it went. Whether the tunnel works is found out by a
//! question that goes through the VM and back to the proxy ([`probe`]). Nothing here touches a secret.

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
pub(crate) use self::run::{Keeper, Site};
