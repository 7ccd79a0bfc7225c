//! A line of the trail as it is read: the fields that we know, whatever others stand beside them.

use std::borrow::Cow;
use std::ops::Deref;

use serde::Deserialize;

/// Any record. `policy::record` tells which kinds have which fields.
#[derive(Debug, Deserialize)]
pub(crate) struct Record<'a> {
    #[serde(borrow)]
    pub(crate) timestamp: Text<'a>,
    /// Lines of the script that we replace have no place in a chain.
    pub(crate) seq: Option<u64>,
    pub(crate) prev: Option<Text<'a>>,
    pub(crate) id: Option<Text<'a>>,
    /// None for a request.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) reason: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) secrets: Vec<Text<'a>>,
    pub(crate) method: Option<Text<'a>>,
    pub(crate) host: Option<Text<'a>>,
    pub(crate) path: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) blocked: bool,
    pub(crate) port: Option<u16>,
    pub(crate) scheme: Option<Text<'a>>,
    pub(crate) through: Option<Through<'a>>,
    pub(crate) bytes: Option<u64>,
}

/// What a record tells that is not a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// A permitted request was then not sent.
    NotSent,
    /// A chain starts here, for a reason.
    ChainStart,
    /// Old records were deleted on purpose.
    Pruned,
    /// A last line without its end was cut.
    TornLine,
    /// Something that a later version tells.
    #[serde(other)]
    Other,
}

/// The last record that was deleted on purpose.
#[derive(Debug, Deserialize)]
pub(crate) struct Through<'a> {
    pub(crate) seq: u64,
    #[serde(borrow)]
    pub(crate) hash: Text<'a>,
}

/// Text that is copied only if it holds escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> Record<'a> {
    /// None if the line is not a record.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}
