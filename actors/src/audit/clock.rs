//! Timestamps of records.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Timestamps in whole seconds; the text is made once a second.
#[derive(Debug, Default)]
pub(super) struct Clock {
    second: i64,
    text: String,
}

impl Clock {
    pub(super) fn now(&mut self) -> String {
        let now = OffsetDateTime::now_utc();
        if now.unix_timestamp() != self.second || self.text.is_empty() {
            self.second = now.unix_timestamp();
            let whole = OffsetDateTime::from_unix_timestamp(self.second).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            self.text = whole.format(&Rfc3339).unwrap_or_default();
        }
        self.text.clone()
    }
}
