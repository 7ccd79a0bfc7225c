//! The certificate authority's part of the status report.

use crate::supervision::part;

/// Lent by boot.
pub(crate) type Part = part::Part<Report>;

/// The root in use, and its leaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) fingerprint: String,
    pub(crate) not_after: String,
    pub(crate) leaves_cached: usize,
    /// The root that a rotation has made and not finished.
    pub(crate) next_fingerprint: Option<String>,
}
