//! VMs: their names, and the SSH tunnel into them.

mod names;
mod sshd;
mod tunnel;
