//! The reports of the tunnel keepers, which are other processes.

pub(crate) mod heard;
pub mod probe;
pub mod report;
