//! The records that fulfil all conditions of the options.

use std::collections::VecDeque;

use clap::Args;
use memchr::memmem::Finder;
use policy::destination::host::Host;
use policy::name::Name;
use policy::record::{Attempt, Event, Notice, Outcome, Record};
use time::OffsetDateTime;

use super::since;

/// How many permitted requests may lie between one that is shown and the line that it was not sent.
const UNSENT_MAX: usize = 16 * 1024;
/// How every record begins.
const TIMESTAMP: &[u8] = b"{\"timestamp\":\"";

#[derive(Args, Debug)]
pub(super) struct FilterArgs {
    /// Show only refusals
    #[arg(long)]
    blocked: bool,

    /// Show only requests for this secret
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,

    /// Show only requests to this host; *.HOST means every host below it
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// Show only records since this time: 30m, 2h or 7d ago, or a date or timestamp such as 2026-02-04 (UTC)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

pub(super) struct Filter {
    /// As records write it, so that the order of texts is that of time.
    since: Option<String>,
    blocked: bool,
    secret: Option<String>,
    host: Option<HostFilter>,
    /// What a request's line must hold to be worth reading.
    needles: Vec<Finder<'static>>,
    /// What a notice's line holds that is worth reading.
    notices: [Finder<'static>; 2],
    /// The ids of permitted requests that were shown: whether they were sent is shown, too.
    permitted: VecDeque<u64>,
}

enum HostFilter {
    Exact(String),
    /// With the dot in front.
    Below(String),
}

impl Filter {
    pub(super) fn new(arguments: &FilterArgs) -> Result<Self, String> {
        let since = arguments.since.as_deref().map(|text| since::parse(text, OffsetDateTime::now_utc())).transpose()?;
        let secret = arguments.secret.as_deref().map(secret_name).transpose()?;
        let host = arguments.host.as_deref().map(HostFilter::parse).transpose()?;
        let mut needles: Vec<String> = Vec::new();
        needles.extend(arguments.blocked.then(|| "\"blocked\":true".to_owned()));
        needles.extend(secret.as_ref().map(|name| format!("\"{name}\"")));
        needles.extend(host.as_ref().map(HostFilter::needle));
        Ok(Self {
            since,
            blocked: arguments.blocked,
            secret,
            host,
            needles: needles.iter().map(|needle| Finder::new(needle).into_owned()).collect(),
            notices: ["\"not_sent\"", "\"refused_together\""].map(Finder::new),
            permitted: VecDeque::new(),
        })
    }

    /// A quick look at a line: most need not be read as JSON. Records are written without spaces
    /// between tokens, and names and hosts without escapes.
    pub(super) fn may_want(&self, line: &[u8]) -> bool {
        let is_early = self.since.as_ref().is_some_and(|since| {
            let timestamp = line.strip_prefix(TIMESTAMP).and_then(|rest| rest.get(..since.len()));
            timestamp.is_some_and(|timestamp| timestamp < since.as_bytes())
        });
        let holds = |needle: &Finder<'_>| needle.find(line).is_some();
        !is_early && (self.needles.iter().all(holds) || self.notices.iter().any(holds))
    }

    pub(super) fn wants(&mut self, record: &Record<'_>) -> bool {
        if self.since.as_ref().is_some_and(|since| *record.timestamp < **since) {
            return false;
        }
        if self.needles.is_empty() {
            return true;
        }
        let id = u64::from_str_radix(record.id(), 16).ok();
        let attempt = match &record.event {
            Event::Notice(notice) => {
                return match notice.outcome {
                    Outcome::NotSent => id.is_some_and(|id| self.permitted.contains(&id)),
                    Outcome::RefusedTogether => self.wants_together(notice),
                    _ => false,
                };
            }
            Event::Attempt(attempt) => attempt,
        };
        let wanted = self.wants_attempt(attempt);
        if wanted && !attempt.blocked {
            self.remember(id);
        }
        wanted
    }

    fn wants_attempt(&self, attempt: &Attempt<'_>) -> bool {
        let has_secret = |name: &String| attempt.secrets.iter().any(|it| **it == **name);
        (attempt.blocked || !self.blocked)
            && self.secret.as_ref().is_none_or(has_secret)
            && self.host.as_ref().is_none_or(|filter| filter.matches(&attempt.host))
    }

    /// Whether any of these refusals may be wanted. Not all names and hosts of them are known.
    fn wants_together(&self, notice: &Notice<'_>) -> bool {
        let has_secret = |name: &String| notice.secrets.iter().any(|it| **it == **name);
        let has_host = |filter: &HostFilter| notice.hosts.iter().any(|it| filter.matches(&it.host));
        self.secret.as_ref().is_none_or(has_secret) && self.host.as_ref().is_none_or(has_host)
    }

    fn remember(&mut self, id: Option<u64>) {
        if self.permitted.len() == UNSENT_MAX {
            self.permitted.pop_front();
        }
        self.permitted.extend(id);
    }
}

fn secret_name(text: &str) -> Result<String, String> {
    let name = Name::parse(text.as_bytes()).ok_or_else(|| {
        format!("--secret: '{}' is no name: letters, digits and underscores, without braces", text.escape_debug())
    })?;
    Ok(name.as_str().to_owned())
}

impl HostFilter {
    fn parse(text: &str) -> Result<Self, String> {
        let (below, host) = text.strip_prefix("*.").map_or((false, text), |suffix| (true, suffix));
        let host = Host::parse(host).map_err(|error| {
            format!(
                "--host: {error}: write a host without a port, such as api.example.com, *.example.com or [2001:db8::1]"
            )
        })?;
        Ok(if below { Self::Below(format!(".{host}")) } else { Self::Exact(host.to_string()) })
    }

    fn needle(&self) -> String {
        match self {
            Self::Exact(host) => format!("\"host\":\"{host}\""),
            Self::Below(suffix) => format!("{suffix}\""),
        }
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(wanted) => host == wanted,
            Self::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        filter: FilterArgs,
    }

    fn filter(words: &[&str]) -> Result<Filter, String> {
        Filter::new(&Line::parse_from(["audit"].iter().chain(words)).filter)
    }

    /// Which of the records are shown, by their place.
    #[track_caller]
    fn shown(words: &[&str], lines: &[&str]) -> Vec<usize> {
        let mut filter = filter(words).expect("usable");
        let mut shown = Vec::new();
        for (place, line) in lines.iter().enumerate() {
            let wants = filter.wants(&Record::read(line.as_bytes()).expect("a record"));
            assert!(filter.may_want(line.as_bytes()) || !wants, "the quick look loses {line}");
            shown.extend(wants.then_some(place));
        }
        shown
    }

    const LINES: [&str; 10] = [
        r#"{"timestamp":"2026-02-04T10:00:00Z","outcome":"chain_start","reason":"\"blocked\":true \"A\"","seq":1,"prev":""}"#,
        r#"{"timestamp":"2026-02-04T11:00:00Z","secrets":["A"],"host":"example.com","path":"/","blocked":false,"id":"01"}"#,
        r#"{"timestamp":"2026-02-04T12:00:00Z","secrets":["B","A"],"host":"api.example.com","path":"/","blocked":true,"id":"02"}"#,
        r#"{"timestamp":"2026-02-04T13:00:00Z","secrets":["AA"],"host":"evil-example.com","path":"/A","blocked":true,"id":"03"}"#,
        r#"{"timestamp":"2026-02-04T14:00:00Z","id":"01","outcome":"not_sent","reason":"Upstream could not be reached"}"#,
        r#"{"timestamp":"2026-02-04T15:00:00Z","secrets":["B"],"host":"a.b.example.com","path":"/","blocked":false,"id":"05"}"#,
        r#"{"timestamp":"2026-02-04T16:00:00Z","id":"05","outcome":"not_sent","reason":"Upstream could not be reached"}"#,
        r#"{"timestamp":"2026-02-04T16:30:00Z","id":"09","outcome":"not_sent","reason":"\"host\":\"example.com\""}"#,
        r#"{"timestamp":"2026-02-04T17:00:00Z","secrets":["A"],"host":"[2001:db8::1]","path":"/","blocked":false,"id":"06"}"#,
        r#"{"timestamp":"2026-02-04T18:00:00Z","id":"0a","outcome":"refused_together","reason":"r","count":7,"hosts":[{"host":"x.example.com","count":7}],"secrets":["B"]}"#,
    ];

    #[test]
    fn all_conditions_must_hold() {
        let table: [(&[&str], &[usize]); 10] = [
            (&[], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (&["--blocked"], &[2, 3, 9]),
            (&["--secret", "A"], &[1, 2, 4, 8]),
            (&["--secret", "A", "--blocked"], &[2]),
            (&["--host", "Example.COM."], &[1, 4]),
            (&["--host", "*.example.com"], &[2, 5, 6, 9]),
            (&["--host", "*.example.com", "--secret", "B", "--blocked"], &[2, 9]),
            (&["--host", "[2001:db8::1]"], &[8]),
            (&["--since", "2026-02-04T14:00:00Z"], &[4, 5, 6, 7, 8, 9]),
            (&["--since", "2026-02-04T14:00:00Z", "--secret", "B"], &[5, 6, 9]),
        ];
        for (words, places) in table {
            assert_eq!(shown(words, &LINES), places, "{words:?}");
        }
    }

    #[test]
    fn what_can_match_nothing_is_bad_usage() {
        for words in [
            ["--secret", "{{A}}"],
            ["--secret", ""],
            ["--host", "https://example.com"],
            ["--host", "example.com:443"],
            ["--host", "*."],
            ["--since", "lately"],
        ] {
            assert!(filter(&words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn requests_of_long_ago_are_forgotten() {
        let mut filter = filter(&["--secret", "A"]).expect("usable");
        for id in 0..=UNSENT_MAX as u64 {
            filter.remember(Some(id));
        }
        assert_eq!((filter.permitted.len(), filter.permitted.front()), (UNSENT_MAX, Some(&1)));
    }
}
