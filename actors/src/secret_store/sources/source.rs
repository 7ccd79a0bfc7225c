//! What each kind of source answers.

use std::path::PathBuf;
use std::pin::Pin;

use super::error::ReadError;
use super::glance::Glance;
use super::text::Text;
use super::watch::{OnChange, Watch};

/// One place that secrets come from.
pub(crate) trait Source: Send {
    /// Its name for people.
    fn describe(&self) -> PathBuf;

    /// How it stands. Cheap: it opens nothing, and so raises no prompt.
    fn glance(&self) -> Result<Glance, ReadError>;

    /// Reads it whole.
    fn read(&self, on_progress: OnProgress) -> Read;

    /// Watches it for changes. An event is a hint: whoever gets one glances.
    fn watch(&self, on_change: OnChange) -> Watch;
}

/// A read under way. It ends only with a text or an error: whoever waits for it sets the limit, and drops it.
pub(crate) type Read = Pin<Box<dyn Future<Output = Result<Content, ReadError>> + Send>>;

/// Hears how a read goes.
pub(crate) type OnProgress = Box<dyn FnMut(Progress) + Send>;

/// What one read gave.
pub(crate) struct Content {
    pub(crate) text: Text,
    /// The source as it stood during the read.
    pub(crate) glance: Glance,
}

/// What a reader sees before the end of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// No program serves the source.
    Unserved,
    /// A program serves it and has written nothing.
    Awaiting,
    /// A program has written something.
    Begun,
}
