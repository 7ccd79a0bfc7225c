//! `--since`: an age, a date or a timestamp.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};

/// The moment in the form that records have: UTC, whole seconds.
pub(super) fn parse(text: &str, now: OffsetDateTime) -> Result<String, String> {
    let moment = match humantime::parse_duration(text) {
        Ok(age) => Duration::try_from(age).ok().and_then(|age| now.checked_sub(age)),
        Err(_) => timestamp(text).or_else(|| timestamp(&format!("{text}T00:00:00Z"))),
    };
    let moment = moment.and_then(|moment| moment.to_offset(UtcOffset::UTC).replace_nanosecond(0).ok());
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).ok_or_else(|| {
        format!("--since: '{}' is no time: write 30m, 2h, 7d, 2026-02-04 or 2026-02-04T12:34:56Z", text.escape_debug())
    })
}

fn timestamp(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_dates_and_timestamps_are_moments() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(1_770_208_496_789);
        let table = [
            ("0s", "2026-02-04T12:34:56Z"),
            ("2h", "2026-02-04T10:34:56Z"),
            ("1h 30m", "2026-02-04T11:04:56Z"),
            ("7d", "2026-01-28T12:34:56Z"),
            ("2026-02-04", "2026-02-04T00:00:00Z"),
            ("2026-02-04T12:00:00Z", "2026-02-04T12:00:00Z"),
            ("2026-02-04T12:00:00.9+02:00", "2026-02-04T10:00:00Z"),
        ];
        for (text, moment) in table {
            assert_eq!(parse(text, now).as_deref(), Ok(moment), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "yesterday", "2h ago", "-2h", "2026-02-30", "2026-2-4", "12:00", "9999999999y", "2026-02-04 12"]
        {
            assert!(parse(text, OffsetDateTime::now_utc()).is_err(), "{text}");
        }
    }
}
