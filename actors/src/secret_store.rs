//! The owner of the secrets: an oracle that is asked for verdicts and finished fields, never for a
//! secret.
//!
//! Every open of 1Password's pipe may ask its owner, so there is one reader, and it opens only when a
//! request needs it. Two clocks run: a request gives up early, and the read that it caused stays open
//! for as long as requests keep coming, so that a late approval is noticed without another prompt.
//!
//! | room | for |
//! |---|---|
//! | [`sources`] | what stands at the path: stat, open, read |
//! | [`shelf`] | the read under way, and what becomes of it |
//! | [`confirm`] | when a read is believed |
//! | [`vault`] | the table in force, and for how long |
//! | [`queue`] | the questions, and those that wait |
//! | [`watch`] | noticing changes by stat and events |
//! | [`words`] | states, in words |
//!
//! *Owns* the vault, the one reader of the mount, and the watch on its folder. *Answers* `Judge`,
//! `Render` and `Reload`. *Asks* nobody; tells `upstream` when values were wiped. *Dies when* its
//! code is wrong; a mount in any weather is a state, not a death. *After a restart* nothing is held,
//! and the next placeholder reads.

mod confirm;
mod inspect;
mod notice;
mod queue;
mod report;
mod shelf;
mod sources;
mod vault;
mod watch;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::destination::allowlist::Allowlist;
use policy::rewrite::Rendered;
use policy::verdict::judge::{Permit, Plea};
use policy::verdict::refusal::Refusal;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tracing::info;

use self::confirm::Witness;
pub use self::inspect::{Mount, Unread, look_at_mount, read_mount};
use self::queue::{Question, Queue};
pub use self::report::SecretsState;
pub(crate) use self::report::{Part, Report};
use self::shelf::{Failed, Reading};
pub use self::sources::Hazard;
use self::sources::{Progress, Text, Trouble};
use self::vault::Vault;
use self::watch::Watch;
use crate::limits;
use crate::supervision::child::{Child, permanent};
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::{Publisher, Slot, Unavailable};
use crate::upstream::UpstreamHandle;

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

    /// The daemon is about to end: nobody waits long for the mount any more.
    pub(crate) fn drain(&self) {
        let _ = self.0.cast(Msg::Drain);
    }

    /// Reads the mount soon.
    pub(crate) fn reload_soon(&self) {
        let _ = self.0.cast(Msg::Reload { reply: None });
    }
}

fn flatten<T>(answer: Result<Result<T, Refusal>, Unavailable>) -> Result<T, Refusal> {
    answer.unwrap_or_else(|Unavailable(owner)| Err(Refusal::Unavailable(owner)))
}

pub(crate) enum Msg {
    /// The daemon is about to end.
    Drain,
    /// May these fields be filled?
    Judge {
        plea: Plea,
        reply: RpcReplyPort<Result<Permit, Refusal>>,
    },
    /// Look at the mount, without opening it.
    Look,
    /// What the reader of a pipe sees.
    Progressed {
        read: u64,
        progress: Progress,
    },
    /// The reader has ended.
    Read {
        read: u64,
        outcome: Result<Text, Trouble>,
    },
    /// Read the mount now.
    Reload {
        reply: Option<RpcReplyPort<()>>,
    },
    /// Fill the fields of a permit.
    Render {
        permit: Permit,
        reply: RpcReplyPort<Result<Rendered, Refusal>>,
    },
    /// Something happened in the folder.
    Stirred,
    /// Look through the requests that wait.
    Tick,
    Beat(Beat),
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

owner_message!(Msg);

#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) path: PathBuf,
    pub(crate) ttl: Duration,
    pub(crate) approval_wait: Duration,
    /// Whether the owner is told on the screen that requests wait for them.
    pub(crate) notify: bool,
    pub(crate) part: Part,
    /// Where some secret may go, by the last read that was believed; it outlives the values.
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
    vault: Option<Vault>,
    reading: Option<Reading>,
    /// Counts the reads, so that a late message of an old one is told from the present one's.
    reads: u64,
    waiting: Queue,
    witness: Witness,
    failed: Option<Failed>,
    /// Whether the owner was told that requests wait for them.
    noticed: bool,
    /// Whether a look through those that wait is to come.
    ticks: bool,
    /// How long a request may wait for the mount.
    patience: Duration,
    /// The mount as it was last seen.
    seen: Option<Result<sources::Identity, Trouble>>,
    looks_soon: bool,
    watch: Option<Watch>,
}

impl Actor for SecretStore {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        arguments.part.publish(Report::idle(arguments.path.clone()));
        // After a crash the values are gone; connections that carried one are to go, too.
        arguments.upstream.forget_secrets();
        drop(myself.send_interval(limits::STAT, || Msg::Look));
        myself.cast(Msg::Look)?;
        Ok(State {
            arguments,
            vault: None,
            reading: None,
            reads: 0,
            waiting: Queue::default(),
            witness: Witness::default(),
            failed: None,
            noticed: false,
            ticks: false,
            patience: limits::REQUEST_WAIT,
            seen: None,
            looks_soon: false,
            watch: None,
        })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Drain => state.patience = limits::DRAINING_WAIT,
            Msg::Judge { plea, reply } => state.ask(&myself, Question::Judge(plea, reply)),
            Msg::Look => state.look(&myself),
            Msg::Progressed { read, progress } => state.progressed(read, progress),
            Msg::Read { read, outcome } => state.read_ended(&myself, read, outcome),
            Msg::Reload { reply } => {
                state.read_now(&myself);
                reply.into_iter().for_each(|reply| state.waiting.push(Question::Reload(reply)));
            }
            Msg::Render { permit, reply } => state.ask(&myself, Question::Render(permit, reply)),
            Msg::Stirred => state.stirred(&myself),
            Msg::Tick => state.tick(&myself),
            Msg::Beat(beat) => beat.answer(),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => fault.strike().await,
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
        let question = match &self.vault {
            Some(vault) if question.may_be_answered_by(vault) => question.answer(vault),
            _ => Some(question),
        };
        let Some(question) = question else { return };
        let paused = self.failed.as_ref().filter(|failed| self.reading.is_none() && Instant::now() < failed.until);
        if let Some(refusal) = paused.map(|failed| failed.refusal.clone()) {
            if refusal == Refusal::Locked {
                self.notice();
            }
            return question.refuse(refusal);
        }
        self.waiting.push(question);
        self.start_reading(myself);
    }

    /// Forgets the values, and has connections closed whose buffers may hold them.
    fn wipe(&mut self) {
        if self.vault.take().is_some() {
            self.arguments.upstream.forget_secrets();
        }
        self.arguments.part.update(|report| {
            (report.names, report.loaded) = (Arc::default(), None);
        });
    }

    /// Publishes the state, and logs it once for each change.
    fn report(&self, state: SecretsState, detail: String) {
        self.arguments.part.update_if(|report| {
            let changed = report.state != state || report.detail != detail;
            if changed {
                info!(state = %state.as_str(), detail, "secrets");
                (report.state, report.detail) = (state, detail);
            }
            changed
        });
    }

    /// Tells the owner, once until the next good read, that requests wait for them.
    fn notice(&mut self) {
        if self.arguments.notify && !std::mem::replace(&mut self.noticed, true) {
            notice::secrets_are_wanted();
        }
    }
}

#[cfg(test)]
mod tests;
