//! A shelf with clocks that only a row of the table advances.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue};
use policy::destination::host::Destination;
use policy::request::fields::Fields;
use policy::verdict::judge::{InjectionRequest, Permit};
use zeroize::Zeroizing;

use crate::secret_store::report::Report;
use crate::secret_store::shelf;
use crate::secret_store::shelf::ReadNumber;
use crate::secret_store::shelves::*;
use crate::secret_store::sources::{Content, Glance, Progress, ReadError, Version};

/// An event of a row.
pub(super) enum Do {
    /// No caller waits for these questions any more.
    Abandon(&'static [u64]),
    /// A request wants `{{KEY}}` at `api.example`.
    Ask(u64),
    /// A request wants `{{KEY}}` there.
    AskFor(u64, &'static str),
    /// A request wants these placeholders at `api.example`.
    AskWith(u64, &'static str),
    /// There is this namespace.
    Appear(&'static str),
    /// There is this namespace no more.
    Vanish(&'static str),
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
    shelves: Shelves,
    start: Instant,
    wall: SystemTime,
    /// The namespace whose source the events of a row are about.
    pub(super) namespace: Namespace,
    reads: HashMap<Namespace, ReadNumber>,
    permits: HashMap<QuestionId, Permit>,
    pub(super) report: Report,
}

impl Bench {
    pub(super) fn new(settings: Settings) -> Self {
        let report = Report::idle("secrets.env".into());
        let shelves = Shelves::new(report.clone(), settings);
        let (start, wall) = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
        Self {
            shelves,
            start,
            wall,
            namespace: Namespace::DEFAULT,
            reads: HashMap::new(),
            permits: HashMap::new(),
            report,
        }
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
        use shelf::Event as At;
        let (at, last) = (Duration::from_millis(at), self.reads.get(&self.namespace).copied().unwrap_or_default());
        let of = |name: &str| Namespace::parse(name.as_bytes()).expect("a namespace");
        let namespace = self.namespace.clone();
        let here = |event| Event::At(namespace, event);
        let event = match *what {
            Do::Abandon(ids) => Event::Abandoned(ids.iter().copied().map(QuestionId).collect()),
            Do::Ask(id) => Event::Asked(QuestionId(id), judge("api.example", "{{KEY}}")),
            Do::AskFor(id, host) => Event::Asked(QuestionId(id), judge(host, "{{KEY}}")),
            Do::AskWith(id, value) => Event::Asked(QuestionId(id), judge("api.example", value)),
            Do::Appear(name) => Event::Appeared(of(name), Report::idle(name.to_owned())),
            Do::Vanish(name) => Event::Gone(of(name)),
            Do::Change => here(At::Changed),
            Do::Drain => Event::Draining,
            Do::Fail(error) => here(At::ReadEnded(last, Err(error))),
            Do::Look(glance) => here(At::Looked(glance)),
            Do::Reload(id) => Event::ReloadAsked(id.map(QuestionId)),
            Do::Render(id, of) => Event::Asked(QuestionId(id), self.render(of)),
            Do::See(progress) => here(At::Progressed(last, progress)),
            Do::Sleep(time) => return self.move_wall(self.wall + time),
            Do::Stop => Event::Stopping,
            Do::Text(glance, text) => here(At::ReadEnded(last, Ok(content(glance, text)))),
            Do::TextOf(read, glance, text) => here(At::ReadEnded(read, Ok(content(glance, text)))),
            Do::Tick => here(At::Ticked),
            Do::TurnBack(time) => return self.move_wall(self.wall - time),
        };
        let now = Moment { monotonic: self.start + at, wall: self.wall + at };
        let steps = self.shelves.on(event, now);
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
            Step::AbortRead(of) => in_namespace(&of, "abort".to_owned()),
            Step::Answer(QuestionId(id), answer) => format!("{id} {}", self.outcome(id, answer)),
            Step::ForgetSecrets => "forget".to_owned(),
            Step::ListHosts(Some(_)) => "list".to_owned(),
            Step::ListHosts(None) => "list unknown".to_owned(),
            Step::LookAfter(of, pause) => in_namespace(&of, format!("look {}", pause.as_millis())),
            Step::Notify => "notify".to_owned(),
            Step::Publish(of, report) => in_namespace(&of, self.publish(report)),
            Step::StartRead(of, read) => {
                self.reads.insert(of.clone(), read);
                in_namespace(&of, format!("read {read}"))
            }
            Step::TickAfter(of, pause) => in_namespace(&of, format!("tick {}", pause.as_millis())),
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
        let (of, refusal) = match refusal {
            Refusal::InNamespace(namespace, why) => (format!("{namespace}."), *why),
            refusal => (String::new(), refusal),
        };
        let word = match refusal {
            Refusal::Locked => "locked",
            Refusal::Unconfirmed => "unconfirmed",
            Refusal::Unreadable(_) => "unreadable",
            Refusal::HostNotAllowed(..) => "denied",
            Refusal::NamespaceNotFound(_) => "unknown namespace",
            other => return other.to_string(),
        };
        format!("{of}{word}")
    }
}

fn in_namespace(namespace: &Namespace, words: String) -> String {
    if namespace.is_default() { words } else { format!("{namespace}.{words}") }
}

fn judge(host: &str, value: &'static str) -> Question {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static(value));
    let destination = Destination::from_connect(&format!("{host}:443")).expect("a destination");
    Question::Judge(InjectionRequest { destination, fields: Fields::scan(&headers).expect("a placeholder") })
}

fn content(glance: Glance, text: &str) -> Content {
    Content { text: Zeroizing::new(text.as_bytes().to_vec()), glance }
}
