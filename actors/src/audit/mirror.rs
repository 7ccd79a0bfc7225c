//! A second place for records, besides the audit file.

use std::fmt;
use std::sync::Arc;

/// Shows records that were written together. It must not block: every request with a record waits for it.
type Show = dyn Fn(&[Shown<'_>]) + Send + Sync;

/// Receives every record once it stands in the audit file; the default ignores them.
#[derive(Clone)]
pub struct Mirror(Arc<Show>);

/// A record as it stands in the audit file.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Whether it records a refusal.
    pub refused: bool,
    /// Its line, without the end.
    pub line: &'a str,
}

impl Mirror {
    /// A mirror that calls this function.
    pub fn new(show: impl Fn(&[Shown<'_>]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(show))
    }

    pub(crate) fn show(&self, records: &[Shown<'_>]) {
        (self.0)(records);
    }
}

impl Default for Mirror {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mirror")
    }
}
