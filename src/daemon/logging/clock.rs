//! The time of a line of the log.

use std::cell::RefCell;
use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// UTC with microseconds, as RFC 3339 has it. What changes once a second is made once a second.
pub(super) struct Clock;

thread_local! {
    /// The second that was written last, and its text up to the dot.
    static SECOND: RefCell<(OffsetDateTime, String)> = const { RefCell::new((OffsetDateTime::UNIX_EPOCH, String::new())) };
}

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write_now(writer)
    }
}

/// The time of a line that is written now.
pub(super) fn write_now(writer: &mut impl fmt::Write) -> fmt::Result {
    write(writer, OffsetDateTime::now_utc())
}

fn write(writer: &mut impl fmt::Write, now: OffsetDateTime) -> fmt::Result {
    SECOND.with_borrow_mut(|(second, text)| {
        if text.is_empty() || second.unix_timestamp() != now.unix_timestamp() {
            *second = now.truncate_to_second();
            *text = second.format(&Rfc3339).map_err(|_| fmt::Error)?;
            text.truncate(text.len() - "Z".len());
        }
        write!(writer, "{text}.{:06}Z", now.microsecond())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_own_time() {
        for (nanoseconds, expected) in [
            (1_770_206_096_000_000_000, "2026-02-04T11:54:56.000000Z"),
            (1_770_206_096_123_456_789, "2026-02-04T11:54:56.123456Z"),
            (1_770_206_097_000_001_000, "2026-02-04T11:54:57.000001Z"),
            (1_770_206_096_999_999_999, "2026-02-04T11:54:56.999999Z"),
        ] {
            let mut written = String::new();
            let now = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).expect("a time");
            write(&mut written, now).expect("written");
            assert_eq!(written, expected);
        }
    }
}
