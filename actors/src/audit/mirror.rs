//! Where records are shown besides the audit file.

use std::fmt;
use std::sync::Arc;

/// Shows records that were written together. It must not wait: nobody's request goes on meanwhile.
type Show = dyn Fn(&[Shown<'_>]) + Send + Sync;

/// Takes every record once it stands in the audit file; by default it does nothing with it.
#[derive(Clone)]
pub struct Mirror(Arc<Show>);

/// A record as it stands in the audit file.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Whether it tells of a refusal.
    pub refused: bool,
    /// Its line, without the end.
    pub line: &'a str,
}

impl Mirror {
    /// A mirror that is shown records this way.
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
