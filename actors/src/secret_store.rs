//! The owner of the secrets, which answers with verdicts and filled fields.
//!
//! Every open of 1Password's pipe may raise a prompt, so there is one reader, and it opens the pipe only
//! when a request needs a secret. [`shelves`] makes all decisions; the owner carries its steps out. No answer is a
//! secret alone.
//!
//! | module | content |
//! |---|---|
//! | [`shelves`] | the state machine of all sources: the shelves of a question, and its answer |
//! | [`shelf`] | the state machine of one source |
//! | [`attachment`] | a source that is watched and read for its shelf |
//! | [`discovery`] | the search for namespaces |
//! | [`handle`] | the handle and the messages |
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

mod attachment;
mod confirm;
mod discovery;
mod handle;
mod inspect;
mod moment;
mod notice;
mod queue;
mod reader;
mod report;
pub(crate) mod settings;
mod shelf;
mod shelves;
mod sources;
mod vault;
mod words;

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::destination::allowlist::Allowlist;
use policy::name::Namespace;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tracing::warn;

use self::attachment::Attachment;
use self::discovery::Found;
pub(crate) use self::handle::{Msg, SecretStoreHandle};
pub use self::inspect::{MountError, look_at_mount, namespaces, read_source};
use self::moment::Moment;
use self::queue::{Port, Queue};
pub use self::report::SecretsState;
pub(crate) use self::report::{Part, Report, Reports};
use self::settings::{SecretStoreSettings, SourceSettings};
use self::shelf::QuestionId;
use self::shelves::{Event, Question, Shelves, Step};
pub use self::sources::{MountKind, UnsafeMount};
use crate::limits;
use crate::supervision::child::{Child, permanent};
use crate::supervision::slot::Publisher;
use crate::upstream::UpstreamHandle;

/// The handle by which secrets are judged and filled in.
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
    shelves: Shelves,
    attachments: BTreeMap<Namespace, Attachment>,
    /// What the last search for namespaces could not use.
    refused: Vec<String>,
    queue: Queue,
    /// When the sources were last looked at.
    looked: Instant,
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
            Msg::Changed(namespace) => state.changed(namespace),
            Msg::Drain => state.on(Event::Draining),
            Msg::Judge(request, reply) => state.ask(Question::Judge(request), Port::Judge(reply)),
            Msg::Look => state.look(),
            Msg::LookAt(namespace) => state.look_at(namespace),
            Msg::Progressed(namespace, read, progress) => state.at(namespace, shelf::Event::Progressed(read, progress)),
            Msg::Read(namespace, read, outcome) => state.at(namespace, shelf::Event::ReadEnded(read, outcome)),
            Msg::Reload(reply) => state.reload(reply),
            Msg::Render(permit, reply) => state.ask(Question::Render(permit), Port::Render(reply)),
            Msg::Tick(namespace) => state.tick(namespace),
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
        let report = Report::idle(arguments.settings.source.to_string());
        arguments.part.publish(Reports { default: report.clone(), others: BTreeMap::new() });
        let SecretStoreSettings { ttl, approval_wait, .. } = arguments.settings;
        let shelves = Shelves::new(report, shelf::Settings { ttl, approval_wait });
        let (attachments, refused, queue) = (BTreeMap::new(), Vec::new(), Queue::default());
        let looked = Instant::now();
        Self { arguments, myself, shelves, attachments, refused, queue, looked }
    }

    /// Has the shelves take an event in, and carries their steps out.
    fn on(&mut self, event: Event) {
        for step in self.shelves.on(event, Moment::now()) {
            self.carry_out(step);
        }
    }

    fn at(&mut self, namespace: Namespace, event: shelf::Event) {
        self.on(Event::At(namespace, event));
    }

    fn carry_out(&mut self, step: Step) {
        match step {
            Step::AbortRead(namespace) => self.with(&namespace, |attachment, _| attachment.abort_read()),
            Step::Answer(id, answer) => self.queue.answer(id, answer),
            Step::ForgetSecrets => self.arguments.upstream.forget_secrets(),
            Step::ListHosts(hosts) => drop(self.arguments.listed.send_replace(hosts)),
            Step::LookAfter(namespace, pause) => self.look_after(namespace, pause),
            Step::Notify => self.notify(),
            Step::Publish(namespace, report) => report::publish(&self.arguments.part, &namespace, report),
            Step::StartRead(namespace, read) => self.with(&namespace, |it, store| it.start_read(read, store)),
            Step::TickAfter(namespace, pause) => drop(self.myself.send_after(pause, || Msg::Tick(namespace))),
        }
    }

    fn with(&mut self, namespace: &Namespace, act: impl FnOnce(&mut Attachment, &ActorRef<Msg>)) {
        if let Some(attachment) = self.attachments.get_mut(namespace) {
            act(attachment, &self.myself);
        }
    }

    /// Answers at once, or keeps the port until the shelf answers.
    fn ask(&mut self, question: Question, port: Port) {
        if port.is_abandoned() {
            return;
        }
        if self.looked.elapsed() >= limits::LOOK_AGAIN_AFTER {
            self.look();
        }
        match self.shelves.answer(question, Moment::now()) {
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

    fn tick(&mut self, namespace: Namespace) {
        let abandoned = self.queue.take_abandoned();
        self.forget(abandoned);
        self.at(namespace, shelf::Event::Ticked);
    }

    fn changed(&mut self, namespace: Namespace) {
        self.with(&namespace, |attachment, _| attachment.note_change());
        self.at(namespace, shelf::Event::Changed);
    }

    /// Attaches the sources of new namespaces, lets those go that are there no more, and looks at all.
    fn look(&mut self) {
        self.looked = Instant::now();
        let Found { sources, refused } = discovery::find(&self.arguments.settings);
        if self.refused != refused {
            refused.iter().for_each(|why| warn!(why, "not a namespace"));
            self.refused = refused;
        }
        let stays = |it: &Attachment| sources.get(it.namespace()) == Some(it.settings());
        let all = std::mem::take(&mut self.attachments);
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) = all.into_iter().partition(|(_, it)| stays(it));
        self.attachments = kept;
        gone.into_keys().for_each(|namespace| self.gone(namespace));
        for (namespace, source) in sources {
            if !self.attachments.contains_key(&namespace) {
                self.attach(namespace.clone(), source);
            }
            self.look_at(namespace);
        }
    }

    fn attach(&mut self, namespace: Namespace, source: SourceSettings) {
        if !namespace.is_default() {
            self.on(Event::Appeared(namespace.clone(), Report::idle(source.to_string())));
        }
        let op = &self.arguments.settings.one_password;
        let attachment = Attachment::new(namespace.clone(), source, op, self.myself.clone());
        self.attachments.insert(namespace, attachment);
    }

    fn gone(&mut self, namespace: Namespace) {
        report::remove(&self.arguments.part, &namespace);
        self.on(Event::Gone(namespace));
    }

    fn look_at(&mut self, namespace: Namespace) {
        if let Some(attachment) = self.attachments.get_mut(&namespace) {
            let glance = attachment.look();
            self.at(namespace, shelf::Event::Looked(glance));
        }
    }

    fn look_after(&mut self, namespace: Namespace, pause: Duration) {
        self.with(&namespace, |attachment, _| attachment.note_change());
        drop(self.myself.send_after(pause, || Msg::LookAt(namespace)));
    }

    fn notify(&self) {
        if self.arguments.settings.notify {
            notice::secrets_are_wanted();
        }
    }
}

#[cfg(test)]
mod tests;
