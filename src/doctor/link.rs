//! One link: its verdict, details and fix.

use actors::hint::Hint;
use serde_json::{Value, json};

use crate::terminal::hints::Hints;

/// Whether a link works.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Ok,
    /// It works, but not as it should; or it was not checked.
    Warn,
    Fail,
}

impl Verdict {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One link. Text from elsewhere is escaped before it gets here.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) name: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) detail: String,
    /// A line for a shell.
    pub(crate) fix: Option<Hint>,
}

impl Link {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, detail: detail.into(), fix: None }
    }

    pub(super) fn warn(name: &'static str, detail: impl Into<String>, fix: impl Into<Hint>) -> Self {
        Self { name, verdict: Verdict::Warn, detail: detail.into(), fix: Some(fix.into()) }
    }

    pub(super) fn fail(name: &'static str, detail: impl Into<String>, fix: impl Into<Hint>) -> Self {
        Self { name, verdict: Verdict::Fail, detail: detail.into(), fix: Some(fix.into()) }
    }

    /// It depends on another link, which is reported itself.
    pub(super) fn not_looked_at(name: &'static str, why: &str) -> Self {
        Self { name, verdict: Verdict::Warn, detail: format!("not looked at: {why}"), fix: None }
    }

    /// Fields are added and never renamed.
    pub(crate) fn json(&self, hints: &Hints) -> Value {
        let fix = self.fix.as_ref().map(|fix| hints.step(fix));
        let verdict = self.verdict.as_str().to_ascii_lowercase();
        json!({ "name": self.name, "verdict": verdict, "detail": self.detail, "fix": fix })
    }
}
