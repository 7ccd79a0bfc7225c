//! What the tunnel keepers, which are other processes, report.

pub(crate) mod heard;
pub mod probe;
pub mod report;
