//! The owner of the secrets: an oracle that is asked for verdicts and finished fields, never for a
//! secret.
//!
//! *Owns* the vault, the one reader of the mount, and the watch on its folder. *Answers* `Judge`,
//! `Render` and `Reload`. *Asks* nobody; tells `upstream` when values were wiped. *Dies when* its
//! code is wrong; a mount in any weather is a state, not a death. *After a restart* nothing is held,
//! and the next placeholder reads.

mod source;
mod vault;
mod waiting;
mod watch;
mod weather;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::RecommendedWatcher;
use policy::judge::{Permit, Plea};
use policy::refusal::Refusal;
use policy::rewrite::Rendered;
use policy::table::Table;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio_util::task::AbortOnDropHandle;
use tracing::info;
use zeroize::Zeroizing;

use self::source::{Kind, Progress, Text, Trouble};
use self::vault::Vault;
use self::waiting::{Question, Queue};
use crate::limits;
use crate::slot::{Publisher, Slot, Unavailable};
use crate::status::{Board, SecretsReport, SecretsState};
use crate::supervisor::{Child, permanent};
use crate::upstream::UpstreamHandle;

/// How often waiting requests are looked through.
const TICK: Duration = Duration::from_millis(100);

/// Where secrets are judged and put in.
#[derive(Clone)]
pub(crate) struct SecretStoreHandle(Slot<Msg>);

impl SecretStoreHandle {
    pub(crate) fn new(slot: Slot<Msg>) -> Self {
        Self(slot)
    }

    /// Whether the fields may be filled for the destination. Waits for the mount if it must.
    pub(crate) async fn judge(&self, plea: Plea) -> Result<Permit, Refusal> {
        let limit = limits::REQUEST_WAIT + limits::ANSWER;
        flatten(self.0.call(|reply| Msg::Judge { plea, reply }, limit).await)
    }

    /// The fields, filled, if the table of now still allows it.
    pub(crate) async fn render(&self, permit: Permit) -> Result<Rendered, Refusal> {
        let limit = limits::REQUEST_WAIT + limits::ANSWER;
        flatten(self.0.call(|reply| Msg::Render { permit, reply }, limit).await)
    }

    /// Reads the mount now, and waits a moment for how it goes.
    pub(crate) async fn reload(&self) -> Result<(), Unavailable> {
        self.0.call(|reply| Msg::Reload { reply: Some(reply) }, limits::ANSWER).await
    }

    /// Reads the mount soon.
    pub(crate) fn reload_soon(&self) {
        let _ = self.0.cast(Msg::Reload { reply: None });
    }
}

/// Reads a mount once, outside the daemon, for `check`.
///
/// # Errors
/// Why there is no text, or that it took longer than `limit`.
pub async fn read_mount(path: &std::path::Path, limit: Duration) -> Result<Zeroizing<Vec<u8>>, String> {
    match tokio::time::timeout(limit, source::read(path, |_| ())).await {
        Ok(Ok(text)) => Ok(text.bytes),
        Ok(Err(trouble)) => Err(trouble.to_string()),
        Err(_) => Err("nobody served it in time: is 1Password running and unlocked?".to_owned()),
    }
}

fn flatten<T>(answer: Result<Result<T, Refusal>, Unavailable>) -> Result<T, Refusal> {
    answer.unwrap_or_else(|Unavailable(owner)| Err(Refusal::Unavailable(owner)))
}

pub(crate) enum Msg {
    /// May these fields be filled?
    Judge { plea: Plea, reply: RpcReplyPort<Result<Permit, Refusal>> },
    /// Look at the mount, without opening it.
    Look,
    /// What the reader of a pipe sees.
    Progressed { read: u64, progress: Progress },
    /// The reader has ended.
    Read { read: u64, outcome: Result<Text, Trouble> },
    /// Read the mount now.
    Reload { reply: Option<RpcReplyPort<()>> },
    /// Fill the fields of a permit.
    Render { permit: Permit, reply: RpcReplyPort<Result<Rendered, Refusal>> },
    /// Something happened in the folder.
    Stirred,
    /// Look through the requests that wait.
    Tick,
    #[cfg(feature = "faults")]
    Fault(crate::faults::Fault),
}

accept_faults!(Msg);

#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) path: PathBuf,
    pub(crate) ttl: Duration,
    pub(crate) approval_wait: Duration,
    pub(crate) board: Arc<Board>,
    pub(crate) upstream: UpstreamHandle,
}

/// The owner's place in the tree.
pub(crate) fn child(publisher: Publisher<Msg>, arguments: Arguments) -> Child {
    permanent("secret_store", publisher, || SecretStore, arguments)
}

struct SecretStore;

struct State {
    arguments: Arguments,
    vault: Option<Vault>,
    reading: Option<Reading>,
    /// Counts the reads, so that a late message of an old one is told from the present one's.
    reads: u64,
    waiting: Queue,
    failed: Option<Failed>,
    /// The mount as it was last seen.
    seen: Option<Result<source::Identity, Trouble>>,
    looks_soon: bool,
    watcher: Option<RecommendedWatcher>,
}

struct Reading {
    _task: AbortOnDropHandle<()>,
    progress: Option<Progress>,
    since: Instant,
    /// When a request last wanted it.
    wanted: Instant,
}

/// The last read brought nothing: no further one before this.
struct Failed {
    refusal: Refusal,
    pause: Duration,
    until: Instant,
}

impl Actor for SecretStore {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        arguments.board.secrets.send_replace(SecretsReport::idle(arguments.path.clone()));
        drop(myself.send_interval(limits::STAT, || Msg::Look));
        myself.cast(Msg::Look)?;
        Ok(State {
            arguments,
            vault: None,
            reading: None,
            reads: 0,
            waiting: Queue::default(),
            failed: None,
            seen: None,
            looks_soon: false,
            watcher: None,
        })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Judge { plea, reply } => state.ask(&myself, Question::Judge(plea, reply)),
            Msg::Look => state.look(&myself),
            Msg::Progressed { read, progress } => state.progressed(read, progress),
            Msg::Read { read, outcome } => state.read_ended(read, outcome),
            Msg::Reload { reply } => {
                state.read_now(&myself);
                reply.into_iter().for_each(|reply| state.waiting.push(Question::Reload(reply)));
            }
            Msg::Render { permit, reply } => state.ask(&myself, Question::Render(permit, reply)),
            Msg::Stirred => state.stirred(&myself),
            Msg::Tick => state.tick(&myself),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => fault.strike(),
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.wipe();
        Ok(())
    }
}

impl State {
    /// Answers by the vault, or by the last failure, or after a read.
    fn ask(&mut self, myself: &ActorRef<Msg>, question: Question) {
        if question.is_abandoned() {
            return;
        }
        match &self.vault {
            Some(vault) if question.may_be_answered_by(vault) => return question.answer(vault),
            _ => {}
        }
        match &self.failed {
            Some(failed) if self.reading.is_none() && Instant::now() < failed.until => {
                return question.refuse(failed.refusal.clone());
            }
            _ => {}
        }
        self.waiting.push(question);
        self.start_reading(myself);
    }

    /// One read at a time, however many wait for it.
    fn start_reading(&mut self, myself: &ActorRef<Msg>) {
        let now = Instant::now();
        if let Some(reading) = &mut self.reading {
            reading.wanted = now;
            return;
        }
        self.reads += 1;
        let (read, path, store) = (self.reads, self.arguments.path.clone(), myself.clone());
        let task = tokio::spawn(async move {
            let mut last = None;
            let progressed = |progress| {
                if last.replace(progress) != Some(progress) {
                    let _ = store.cast(Msg::Progressed { read, progress });
                }
            };
            let outcome = source::read(&path, progressed).await;
            let _ = store.cast(Msg::Read { read, outcome });
        });
        self.reading = Some(Reading { _task: AbortOnDropHandle::new(task), progress: None, since: now, wanted: now });
        drop(myself.send_after(TICK, || Msg::Tick));
    }

    fn read_now(&mut self, myself: &ActorRef<Msg>) {
        self.failed = None;
        self.start_reading(myself);
    }

    fn progressed(&mut self, read: u64, progress: Progress) {
        let Some(reading) = self.reading.as_mut().filter(|_| read == self.reads) else { return };
        reading.progress = Some(progress);
        reading.since = Instant::now();
        let (state, detail) = weather::while_waiting(progress);
        self.report(state, detail.to_owned());
    }

    fn read_ended(&mut self, read: u64, outcome: Result<Text, Trouble>) {
        if read != self.reads || self.reading.take().is_none() {
            return;
        }
        match outcome {
            Ok(text) => match Table::read(&text.bytes) {
                Ok(table) => self.adopt(Vault::new(table, text.identity, self.arguments.ttl)),
                Err(malformed) => {
                    let why = format!("{malformed}; secret-proxy check says more");
                    self.fail(SecretsState::Malformed, why.clone(), Refusal::Unreadable(why.into()));
                }
            },
            Err(trouble) => self.troubled(trouble),
        }
    }

    /// The new table as a whole, in one step.
    fn adopt(&mut self, vault: Vault) {
        self.failed = None;
        self.seen = Some(Ok(vault.identity));
        self.waiting.answer_all(&vault);
        let detail = weather::when_ready(vault.identity.kind, vault.problems());
        let kind = vault.identity.kind.as_str();
        self.arguments.board.secrets.send_modify(|report| {
            (report.names, report.loaded, report.kind) = (vault.names(), Some(vault.loaded), Some(kind));
        });
        if self.vault.as_ref().is_some_and(|old| !old.says_the_same_as(&vault)) {
            self.arguments.upstream.forget_secrets();
        }
        self.vault = Some(vault);
        self.report(SecretsState::Ready, detail);
    }

    fn troubled(&mut self, trouble: Trouble) {
        let (state, refusal) = weather::of(trouble);
        self.fail(state, trouble.to_string(), refusal);
    }

    /// Nothing of the mount is usable: fail closed, and pause before the next read.
    fn fail(&mut self, state: SecretsState, detail: String, refusal: Refusal) {
        let pause = self.failed.as_ref().map_or(limits::READ_BACKOFF_MIN, |failed| failed.pause * 2);
        let pause = pause.min(limits::READ_BACKOFF_MAX);
        self.waiting.refuse_all(&refusal);
        self.failed = Some(Failed { refusal, pause, until: Instant::now() + pause });
        self.wipe();
        self.report(state, detail);
    }

    /// Forgets the values, and closes idle connections whose buffers may hold them.
    fn wipe(&mut self) {
        if self.vault.take().is_some() {
            self.arguments.upstream.forget_secrets();
        }
        self.arguments.board.secrets.send_modify(|report| {
            (report.names, report.loaded) = (Arc::default(), None);
        });
    }

    /// Lets go of requests that have waited long enough, and of a read that nobody wants.
    fn tick(&mut self, myself: &ActorRef<Msg>) {
        let Some(reading) = &self.reading else { return };
        let now = Instant::now();
        // Each is refused after the longer wait at the latest, however the pipe was served meanwhile.
        self.waiting.refuse_overdue(limits::REQUEST_WAIT, None, &Refusal::Locked);
        if reading.progress == Some(Progress::Unserved) {
            self.waiting.refuse_overdue(limits::UNSERVED_WAIT, Some(reading.since), &Refusal::Locked);
        }
        let unwanted = self.waiting.is_empty() && now.duration_since(reading.wanted) >= self.arguments.approval_wait;
        if unwanted {
            self.reading = None;
            self.fail(SecretsState::Locked, "not approved in time".to_owned(), Refusal::Locked);
        } else {
            drop(myself.send_after(TICK, || Msg::Tick));
        }
    }

    fn stirred(&mut self, myself: &ActorRef<Msg>) {
        if !std::mem::replace(&mut self.looks_soon, true) {
            drop(myself.send_after(limits::SETTLE, || Msg::Look));
        }
    }

    /// Compares the mount with what it was, by stat alone.
    fn look(&mut self, myself: &ActorRef<Msg>) {
        self.looks_soon = false;
        if self.watcher.is_none() {
            let store = myself.clone();
            self.watcher = watch::watch(&self.arguments.path, move || drop(store.cast(Msg::Stirred))).ok();
        }
        if self.vault.as_ref().is_some_and(|vault| !vault.is_held()) {
            self.wipe();
            self.report(SecretsState::Idle, "the last read is too old; the next placeholder reads".to_owned());
        }
        let now = source::probe(&self.arguments.path);
        if self.reading.is_some() || self.seen == Some(now) {
            return;
        }
        self.seen = Some(now);
        self.arguments.board.secrets.send_modify(|report| {
            report.kind = now.ok().map(|identity| identity.kind.as_str());
        });
        match now {
            Ok(identity) if identity.kind == Kind::File => self.read_now(myself),
            // Reading a pipe may ask its owner: it waits for a request that needs it.
            Ok(_) => {
                self.failed = None;
                self.wipe();
                self.report(SecretsState::Idle, "a pipe; the next placeholder reads".to_owned());
            }
            Err(trouble) => self.troubled(trouble),
        }
    }

    /// Publishes the state, and logs it once for each change.
    fn report(&self, state: SecretsState, detail: String) {
        self.arguments.board.secrets.send_if_modified(|report| {
            let changed = report.state != state || report.detail != detail;
            if changed {
                info!(?state, detail, "secrets");
                (report.state, report.detail) = (state, detail);
            }
            changed
        });
    }
}

#[cfg(test)]
mod tests;
