//! The time of day in RFC 3339.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Now, to the second.
pub fn now() -> String {
    to_second(OffsetDateTime::now_utc())
}

/// A time to the second; its fraction is dropped.
pub fn to_second(time: OffsetDateTime) -> String {
    time.truncate_to_second().format(&Rfc3339).unwrap_or_default()
}
