//! The tunnel keeper: holds a reverse SSH forward into a VM, and knows whether it works.
//!
//! What to do next is decided by [`machine`], which is pure. [`keeper`] does it, with the children of
//! [`ssh`] and [`child`], and tells the daemon how it went. Whether the tunnel works is found out by a
//! question that goes through the VM and back to the proxy ([`probe`]). Nothing here touches a secret.

mod child;
mod clock;
mod connection;
mod event;
mod keeper;
mod link;
mod machine;
mod place;
mod probe;
mod ssh;
mod trouble;
mod voice;

pub(crate) use self::keeper::{Keeper, Site};
pub(crate) use self::link::Target;
pub(crate) use self::place::{Located, Place, find_program};
pub(crate) use self::ssh::unix_path;
