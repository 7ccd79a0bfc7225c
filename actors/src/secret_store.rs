//! The owner of the secrets, which answers with verdicts and filled fields.
//!
//! Every open of 1Password's pipe may raise a prompt, so there is one reader, and it opens the pipe only
//! when a request needs a secret. The [`shelf`] makes all decisions; the owner carries its steps out. No answer is a
//! secret alone.
//!
//! | module | content |
//! |---|---|
//! | [`shelf`] | the state machine of one source |
//! | [`sources`] | the kinds of sources: glance, read, watch |
//! | [`confirm`] | the agreement of reads, which decides which reads count |
//! | [`vault`] | the table in force, and its time |
//! | [`reader`] | the task that reads a source |
//! | [`queue`] | the reply ports of questions that wait |
//! | [`words`] | states, in words |
//! | [`inspect`] | a look at the mount, for commands |
//!
//! *Owns* the vault, the one reader of the mount, and the watch on its path. *Answers* `Judge`, `Render` and
//! `Reload`. *Asks* nobody; tells `upstream` that values were wiped. *Dies when* its code is wrong; no
//! state of the mount is a failure. *After a restart* it holds nothing, and the next placeholder reads.

mod confirm;
mod inspect;
mod moment;
mod notice;
mod queue;
mod reader;
mod report;
pub(crate) mod settings;
mod shelf;
mod sources;
mod vault;
mod words;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use policy::destination::allowlist::Allowlist;
use policy::verdict::judge::{InjectionRequest, Permit};
use policy::verdict::refusal::Refusal;
use policy::verdict::render::Rendered;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

pub use self::inspect::{MountError, look_at_mount, read_mount};
use self::moment::Moment;
use self::queue::{Port, Queue};
use self::reader::Reader;
pub use self::report::SecretsState;
pub(crate) use self::report::{Part, Report};
use self::shelf::{Event, Question, QuestionId, ReadNumber, Settings, Shelf, Step};
use self::sources::{Content, Progress, ReadError, Source, Watch};
pub use self::sources::{MountKind, UnsafeMount};
use crate::limits;
use crate::secret_store::settings::SecretStoreSettings;
use crate::supervision::child::{Child, permanent};
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::{Publisher, Slot, Unavailable};
use crate::upstream::UpstreamHandle;

/// The handle by which secrets are judged and filled in.
#[derive(Clone)]
pub(crate) struct SecretStoreHandle(Slot<Msg>);

impl SecretStoreHandle {
    pub(crate) fn new(slot: Slot<Msg>) -> Self {
        Self(slot)
    }

    /// Judges whether the fields may be filled for the destination. May wait for the mount.
    pub(crate) async fn judge(&self, request: InjectionRequest) -> Result<Permit, Refusal> {
        let limit = limits::REQUEST_WAIT + limits::ANSWER_TIMEOUT;
        flatten(self.0.call(|reply| Msg::Judge(request, reply), limit).await)
    }

    /// Fills the fields, if the table in force still allows the secrets.
    pub(crate) async fn render(&self, permit: Permit) -> Result<Rendered, Refusal> {
        let limit = limits::REQUEST_WAIT + limits::ANSWER_TIMEOUT;
        flatten(self.0.call(|reply| Msg::Render(permit, reply), limit).await)
    }

    /// Reads the mount now, and waits for the end of the read up to a limit.
    pub(crate) async fn reload(&self) -> Result<(), Unavailable> {
        self.0.call(|reply| Msg::Reload(Some(reply)), limits::ANSWER_TIMEOUT).await
    }

    /// The daemon is about to end: no request waits long for the mount any more.
    pub(crate) fn drain(&self) {
        let _ = self.0.cast(Msg::Drain);
    }

    /// Reads the mount soon.
    pub(crate) fn reload_soon(&self) {
        let _ = self.0.cast(Msg::Reload(None));
    }
}

fn flatten<T>(answer: Result<Result<T, Refusal>, Unavailable>) -> Result<T, Refusal> {
    answer.unwrap_or_else(|Unavailable(owner)| Err(Refusal::Unavailable(owner)))
}

pub(crate) enum Msg {
    /// Something may have changed at the mount.
    Changed,
    /// The daemon is about to end.
    Drain,
    /// May these fields be filled?
    Judge(InjectionRequest, RpcReplyPort<Result<Permit, Refusal>>),
    /// Look at the mount, without opening it.
    Look,
    /// The progress of a read.
    Progressed(ReadNumber, Progress),
    /// A read has ended.
    Read(ReadNumber, Result<Content, ReadError>),
    /// Read the mount now.
    Reload(Option<RpcReplyPort<()>>),
    /// Fill the fields of a permit.
    Render(Permit, RpcReplyPort<Result<Rendered, Refusal>>),
    /// Check the requests that wait.
    Tick,
    Beat(Beat),
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

owner_message!(Msg);

#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) settings: SecretStoreSettings,
    pub(crate) part: Part,
    /// The destinations of all secrets in the last confirmed read. They outlive the values.
    pub(crate) listed: tokio::sync::watch::Sender<Option<Arc<Allowlist>>>,
    pub(crate) upstream: UpstreamHandle,
}

/// The owner's place in the tree.
pub(crate) fn child(publisher: Publisher<Msg>, arguments: Arguments) -> Child {
    permanent(publisher, || SecretStore, arguments)
}

struct SecretStore;

struct State {
    arguments: Arguments,
    myself: ActorRef<Msg>,
    source: Box<dyn Source>,
    watch: Watch,
    shelf: Shelf,
    queue: Queue,
    /// The last read, which may already have ended.
    reader: Option<Reader>,
}

impl Actor for SecretStore {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        // After a crash the values are gone; the connections that carried a value must be closed, too.
        arguments.upstream.forget_secrets();
        drop(myself.send_interval(limits::MOUNT_STAT_EVERY, || Msg::Look));
        myself.cast(Msg::Look)?;
        Ok(State::new(myself, arguments))
    }

    async fn handle(&self, _: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Changed => state.changed(),
            Msg::Drain => state.on(Event::Draining),
            Msg::Judge(request, reply) => state.ask(Question::Judge(request), Port::Judge(reply)),
            Msg::Look => state.look(),
            Msg::Progressed(read, progress) => state.on(Event::Progressed(read, progress)),
            Msg::Read(read, outcome) => state.on(Event::ReadEnded(read, outcome)),
            Msg::Reload(reply) => state.reload(reply),
            Msg::Render(permit, reply) => state.ask(Question::Render(permit), Port::Render(reply)),
            Msg::Tick => state.tick(),
            Msg::Beat(beat) => beat.answer(),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => fault.strike().await,
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.on(Event::Stopping);
        Ok(())
    }
}

impl State {
    fn new(myself: ActorRef<Msg>, arguments: Arguments) -> Self {
        let source = sources::at(&arguments.settings.path);
        let report = Report::idle(source.describe());
        arguments.part.publish(report.clone());
        let store = myself.clone();
        let watch = source.watch(Arc::new(move || drop(store.cast(Msg::Changed))));
        let SecretStoreSettings { ttl, approval_wait, .. } = arguments.settings;
        let shelf = Shelf::new(report, Settings { ttl, approval_wait });
        Self { arguments, myself, source, watch, shelf, queue: Queue::default(), reader: None }
    }

    /// Gives an event to the shelf, and carries the shelf's steps out.
    fn on(&mut self, event: Event) {
        for step in self.shelf.on(event, Moment::now()) {
            self.carry_out(step);
        }
    }

    fn carry_out(&mut self, step: Step) {
        match step {
            Step::AbortRead => self.reader = None,
            Step::Answer(id, answer) => self.queue.answer(id, answer),
            Step::ForgetSecrets => self.arguments.upstream.forget_secrets(),
            Step::ListHosts(hosts) => drop(self.arguments.listed.send_replace(Some(hosts))),
            Step::LookAfter(pause) => self.look_after(pause),
            Step::Notify => self.notify(),
            Step::Publish(report) => report.publish(&self.arguments.part),
            Step::StartRead(read) => self.start_read(read),
            Step::TickAfter(pause) => drop(self.myself.send_after(pause, || Msg::Tick)),
        }
    }

    /// Answers at once, or keeps the port until the shelf answers.
    fn ask(&mut self, question: Question, port: Port) {
        if port.is_abandoned() {
            return;
        }
        match self.shelf.answer(question, Moment::now()) {
            ControlFlow::Break(answer) => port.send(answer),
            ControlFlow::Continue(question) => {
                let id = self.keep(port);
                self.on(Event::Asked(id, question));
            }
        }
    }

    fn reload(&mut self, reply: Option<RpcReplyPort<()>>) {
        let id = reply.map(|reply| self.keep(Port::Reload(reply)));
        self.on(Event::ReloadAsked(id));
    }

    fn keep(&mut self, port: Port) -> QuestionId {
        let abandoned = self.queue.make_room();
        self.forget(abandoned);
        self.queue.push(port)
    }

    fn forget(&mut self, abandoned: HashSet<QuestionId>) {
        if !abandoned.is_empty() {
            self.on(Event::Abandoned(abandoned));
        }
    }

    fn tick(&mut self) {
        let abandoned = self.queue.take_abandoned();
        self.forget(abandoned);
        self.on(Event::Ticked);
    }

    fn changed(&mut self) {
        self.watch.note_change();
        self.on(Event::Changed);
    }

    fn look(&mut self) {
        self.watch.renew();
        let glance = self.source.glance();
        self.on(Event::Looked(glance));
    }

    fn look_after(&mut self, pause: Duration) {
        self.watch.note_change();
        drop(self.myself.send_after(pause, || Msg::Look));
    }

    fn start_read(&mut self, read: ReadNumber) {
        let (store, progressing) = (self.myself.clone(), self.myself.clone());
        let on_progress = move |progress| drop(progressing.cast(Msg::Progressed(read, progress)));
        let on_end = move |outcome| drop(store.cast(Msg::Read(read, outcome)));
        self.reader = Some(Reader::start(self.source.as_ref(), on_progress, on_end));
    }

    fn notify(&self) {
        if self.arguments.settings.notify {
            notice::secrets_are_wanted();
        }
    }
}

#[cfg(test)]
mod tests;
