//! A shelf with clocks that only a row of the table advances.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue};
use policy::destination::host::Destination;
use policy::request::fields::Fields;
use policy::verdict::judge::{InjectionRequest, Permit};
use zeroize::Zeroizing;

use crate::secret_store::shelf::*;
use crate::secret_store::sources::Version;

/// An event of a row.
pub(super) enum Do {
    /// No caller waits for these questions any more.
    Abandon(&'static [u64]),
    /// A request wants `{{KEY}}` at `api.example`.
    Ask(u64),
    /// A request wants `{{KEY}}` there.
    AskFor(u64, &'static str),
    Change,
    Drain,
    /// The last read fails.
    Fail(ReadError),
    Look(Result<Glance, ReadError>),
    Reload(Option<u64>),
    /// A request has its permit filled, which the second request got.
    Render(u64, u64),
    See(Progress),
    /// The computer sleeps: only the wall clock advances.
    Sleep(Duration),
    Stop,
    /// The last read gives this text, from this source.
    Text(Glance, &'static str),
    /// An earlier read gives this text.
    TextOf(ReadNumber, Glance, &'static str),
    Tick,
    /// The wall clock is set back.
    TurnBack(Duration),
}

pub(super) const fn pipe(number: u64) -> Glance {
    let version = Version::numbered(number);
    Glance { kind: "pipe", is_eager: false, is_shared: true, note: None, version }
}

pub(super) const fn file(number: u64) -> Glance {
    let version = Version::numbered(number);
    Glance { kind: "file", is_eager: true, is_shared: false, note: Some("plain text on disk"), version }
}

pub(super) const SETTINGS: Settings =
    Settings { ttl: Duration::from_secs(300), approval_wait: Duration::from_secs(60) };

pub(super) struct Bench {
    shelf: Shelf,
    start: Instant,
    wall: SystemTime,
    reads: ReadNumber,
    permits: HashMap<QuestionId, Permit>,
    pub(super) report: Report,
}

impl Bench {
    pub(super) fn new(settings: Settings) -> Self {
        let report = Report::idle("secrets.env".into());
        let shelf = Shelf::new(report.clone(), settings);
        let (start, wall) = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
        Self { shelf, start, wall, reads: 0, permits: HashMap::new(), report }
    }

    /// Plays rows: milliseconds after the start, event, expected steps.
    #[track_caller]
    pub(super) fn play(&mut self, rows: &[(u64, Do, &str)]) {
        for (nth, (at, what, expected)) in rows.iter().enumerate() {
            let steps = self.on(*at, what);
            assert_eq!(steps, *expected, "row {nth}, at {at} ms");
        }
    }

    pub(super) fn on(&mut self, at: u64, what: &Do) -> String {
        let at = Duration::from_millis(at);
        let event = match *what {
            Do::Abandon(ids) => Event::Abandoned(ids.iter().copied().map(QuestionId).collect()),
            Do::Ask(id) => Event::Asked(QuestionId(id), judge("api.example")),
            Do::AskFor(id, host) => Event::Asked(QuestionId(id), judge(host)),
            Do::Change => Event::Changed,
            Do::Drain => Event::Draining,
            Do::Fail(error) => Event::ReadEnded(self.reads, Err(error)),
            Do::Look(glance) => Event::Looked(glance),
            Do::Reload(id) => Event::ReloadAsked(id.map(QuestionId)),
            Do::Render(id, of) => Event::Asked(QuestionId(id), self.render(of)),
            Do::See(progress) => Event::Progressed(self.reads, progress),
            Do::Sleep(time) => return self.move_wall(self.wall + time),
            Do::Stop => Event::Stopping,
            Do::Text(glance, text) => Event::ReadEnded(self.reads, Ok(content(glance, text))),
            Do::TextOf(read, glance, text) => Event::ReadEnded(read, Ok(content(glance, text))),
            Do::Tick => Event::Ticked,
            Do::TurnBack(time) => return self.move_wall(self.wall - time),
        };
        let now = Moment { monotonic: self.start + at, wall: self.wall + at };
        let steps = self.shelf.on(event, now);
        let words: Vec<String> = steps.into_iter().map(|step| self.carry_out(step)).collect();
        words.join(", ")
    }

    fn move_wall(&mut self, wall: SystemTime) -> String {
        self.wall = wall;
        String::new()
    }

    fn render(&mut self, of: u64) -> Question {
        Question::Render(self.permits.remove(&QuestionId(of)).expect("a permit"))
    }

    /// The step, in words.
    fn carry_out(&mut self, step: Step) -> String {
        match step {
            Step::AbortRead => "abort".to_owned(),
            Step::Answer(QuestionId(id), answer) => format!("{id} {}", self.outcome(id, answer)),
            Step::ForgetSecrets => "forget".to_owned(),
            Step::ListHosts(_) => "list".to_owned(),
            Step::LookAfter(pause) => format!("look {}", pause.as_millis()),
            Step::Notify => "notify".to_owned(),
            Step::Publish(report) => self.publish(report),
            Step::StartRead(read) => {
                self.reads = read;
                format!("read {read}")
            }
            Step::TickAfter(pause) => format!("tick {}", pause.as_millis()),
        }
    }

    fn publish(&mut self, report: Report) -> String {
        let mut words = report.state.as_str().to_owned();
        report.names.iter().for_each(|name| write!(words, "+{name}").expect("room"));
        self.report = report;
        words
    }

    fn outcome(&mut self, id: u64, answer: Answer) -> String {
        let refusal = match answer {
            Answer::Judge(Ok(permit)) => {
                self.permits.insert(QuestionId(id), permit);
                return "permit".to_owned();
            }
            Answer::Reload => return "told".to_owned(),
            Answer::Render(Ok(_)) => return "rendered".to_owned(),
            Answer::Judge(Err(refusal)) | Answer::Render(Err(refusal)) => refusal,
        };
        let word = match refusal {
            Refusal::Locked => "locked",
            Refusal::Unconfirmed => "unconfirmed",
            Refusal::Unreadable(_) => "unreadable",
            Refusal::HostNotAllowed(..) => "denied",
            other => return other.to_string(),
        };
        word.to_owned()
    }
}

fn judge(host: &str) -> Question {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("{{KEY}}"));
    let destination = Destination::from_connect(&format!("{host}:443")).expect("a destination");
    Question::Judge(InjectionRequest { destination, fields: Fields::scan(&headers).expect("a placeholder") })
}

fn content(glance: Glance, text: &str) -> Content {
    Content { text: Zeroizing::new(text.as_bytes().to_vec()), glance }
}
