//! The pause after a failed read, longer after each failure in a row.
//!
//! `limits.rs` has its bounds: `READ_BACKOFF_MIN` and `READ_BACKOFF_MAX`.

use std::time::{Duration, Instant};

use policy::verdict::refusal::Refusal;

use crate::limits::{PROGRAM_BACKOFF_MAX, PROMPT_BACKOFF_MAX, READ_BACKOFF_MAX, READ_BACKOFF_MIN};
use crate::secret_store::report::SecretsState;

pub(super) struct Pause {
    refusal: Refusal,
    length: Duration,
    until: Instant,
}

impl Pause {
    /// The pause that follows `before`, after a read that left the source in this state. `asks`: the next read may ask a
    /// person.
    pub(super) fn after(
        before: Option<&Self>,
        state: SecretsState,
        asks: bool,
        refusal: Refusal,
        now: Instant,
    ) -> Self {
        let longest = match state {
            SecretsState::Failed => PROGRAM_BACKOFF_MAX,
            _ if asks => PROMPT_BACKOFF_MAX,
            _ => READ_BACKOFF_MAX,
        };
        let length = before.map_or(READ_BACKOFF_MIN, |before| before.length * 2).min(longest);
        Self { refusal, length, until: now + length }
    }

    /// The reason of the failure, while the pause lasts.
    pub(super) fn refusal(&self, now: Instant) -> Option<&Refusal> {
        (now < self.until).then_some(&self.refusal)
    }
}
