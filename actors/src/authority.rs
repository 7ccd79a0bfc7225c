//! The owner of the certificate authority.
//!
//! *Owns* the root's key and the leaves made with it. *Answers* `Issue` with TLS settings for one
//! host: the root's key never leaves, the leaf's has to, because the TLS library signs in place; and
//! `Rotate`, which makes the next root or begins to use it. *Asks* nobody. *Dies when* the files of the
//! root are damaged. *After a restart* the key is read again and leaves are made anew.

mod leaf;
mod report;
mod root;
mod rotation;
mod signer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use policy::destination::host::Host;
use ractor::{Actor, ActorProcessingErr, ActorRef, ActorStatus, RpcReplyPort};
use rustls::ServerConfig;
use tokio::task::{JoinSet, spawn_blocking};
use tracing::info;

pub(crate) use self::report::{Part, Report};
pub(crate) use self::root::NAME;
pub use self::root::{RootCertificate, RootError, fingerprint};
pub(crate) use self::rotation::open_or_make;
pub use self::rotation::{Roots, Step, rotate};
use self::signer::Signer;
use crate::hint::Advice;
use crate::limits;
use crate::supervision::child::{Child, permanent};
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::{Publisher, Slot, Unavailable};

/// Where leaves are issued.
#[derive(Clone)]
pub(crate) struct AuthorityHandle(Slot<Msg>);

impl AuthorityHandle {
    pub(crate) fn new(slot: Slot<Msg>) -> Self {
        Self(slot)
    }

    /// TLS settings with a leaf for this host. A new tunnel waits a moment for a restart: its client
    /// would only come again.
    pub(crate) async fn issue(&self, host: Host) -> Result<Arc<ServerConfig>, Unavailable> {
        let question = |reply| Msg::Issue { host: host.clone(), reply };
        let issued = self.0.call_patiently(question, limits::ANSWER_TIMEOUT, limits::RESTART_WAIT).await?;
        issued.ok_or(Unavailable("authority"))
    }

    /// Makes the next root, or uses it from now on. A step may be asked for twice.
    pub(crate) async fn rotate(&self, step: Step) -> Result<(), Advice> {
        let question = |reply| Msg::Rotate { step, reply };
        let answer = self.0.call_patiently(question, limits::ROTATION_TIMEOUT, limits::RESTART_WAIT).await;
        answer.unwrap_or_else(|unavailable| Err(Advice::none(unavailable)))
    }
}

pub(crate) enum Msg {
    /// TLS settings for a host; `None` if no leaf could be made.
    Issue {
        host: Host,
        reply: RpcReplyPort<Option<Arc<ServerConfig>>>,
    },
    /// Make the next root, or use it from now on.
    Rotate {
        step: Step,
        reply: RpcReplyPort<Result<(), Advice>>,
    },
    /// That was done, and this is what signs now.
    Rotated {
        outcome: Result<Reading, Advice>,
        reply: RpcReplyPort<Result<(), Advice>>,
    },
    Beat(Beat),
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

owner_message!(Msg);

#[derive(Clone)]
pub(crate) struct Arguments {
    folder: PathBuf,
    part: Part,
    /// Whoever touches the files has it, and counts: a task may outlive the incarnation that began it.
    turns: Arc<Mutex<u64>>,
}

/// The files, as they were in this turn.
pub(crate) struct Reading {
    turn: u64,
    /// What signs from now on, if that may have changed.
    signer: Option<Box<Signer>>,
    next: Option<RootCertificate>,
}

/// The owner's place in the tree.
pub(crate) fn child(publisher: Publisher<Msg>, arguments: Arguments) -> Child {
    permanent(publisher, || Authority, arguments)
}

struct Authority;

struct State {
    signer: Box<Signer>,
    /// The root that waits.
    next: Option<RootCertificate>,
    /// The last turn that counted.
    turn: u64,
    arguments: Arguments,
    /// Steps of a rotation that are under way.
    steps: JoinSet<()>,
}

impl Actor for Authority {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let files = arguments.clone();
        let Reading { turn, signer, next } = spawn_blocking(move || files.in_turn(|| Ok(true))).await??;
        let signer = signer.ok_or("no root was read")?;
        let state = State { signer, next, turn, arguments, steps: JoinSet::new() };
        state.publish();
        Ok(state)
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Issue { reply, .. } if reply.is_closed() => {}
            Msg::Issue { host, reply } => drop(reply.send(state.issue(host))),
            Msg::Rotate { step, reply } => state.rotate(myself, step, reply),
            Msg::Rotated { outcome, reply } => drop(reply.send(state.rotated(outcome))),
            Msg::Beat(beat) => beat.answer(),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => fault.strike().await,
        }
        Ok(())
    }
}

impl Arguments {
    pub(crate) fn new(folder: PathBuf, part: Part) -> Self {
        Self { folder, part, turns: Arc::default() }
    }

    /// Does something with the files, and reads what it may have changed: the root in use, or only the next.
    fn in_turn(&self, step: impl FnOnce() -> Result<bool, RootError>) -> Result<Reading, RootError> {
        let mut turn = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let changes_root = step()?;
        *turn += 1;
        let signer = if changes_root { Some(Box::new(Signer::new(open_or_make(&self.folder)?)?)) } else { None };
        Ok(Reading { turn: *turn, signer, next: rotation::next(&self.folder) })
    }

    /// Takes a step, unless the incarnation that was asked for it has ended: the next one reads the files
    /// after this turn, or is asked again.
    fn take(&self, step: Step, actor: &ActorRef<Msg>) -> Result<Reading, Advice> {
        let take = || {
            if !matches!(actor.get_status(), ActorStatus::Stopping | ActorStatus::Stopped) {
                rotation::take(&self.folder, step)?;
            }
            Ok(step == Step::Finish)
        };
        self.in_turn(take).map_err(|error| Advice::of(&error))
    }
}

impl State {
    fn issue(&mut self, host: Host) -> Option<Arc<ServerConfig>> {
        let config = self.signer.issue(host).ok();
        let leaves = self.signer.leaves();
        self.arguments.part.update_if(|report| {
            let before = std::mem::replace(&mut report.leaves_cached, leaves);
            before != leaves
        });
        config
    }

    /// Off the runtime's thread, because it waits for the disk.
    fn rotate(&mut self, myself: ActorRef<Msg>, step: Step, reply: RpcReplyPort<Result<(), Advice>>) {
        while self.steps.try_join_next().is_some() {}
        let (arguments, actor) = (self.arguments.clone(), myself.clone());
        let work = spawn_blocking(move || arguments.take(step, &actor));
        self.steps.spawn(async move {
            let outcome = work.await.unwrap_or_else(|_| Err(Advice::none("it was not finished")));
            let _ = myself.cast(Msg::Rotated { outcome, reply });
        });
    }

    /// Tunnels that are open go on with the leaves that they have.
    fn rotated(&mut self, outcome: Result<Reading, Advice>) -> Result<(), Advice> {
        let reading = outcome?;
        if reading.turn < self.turn {
            return Ok(());
        }
        if let Some(next) = reading.next.as_ref().filter(|_| self.next.is_none()) {
            info!(fingerprint = next.fingerprint, "another root waits to be used");
        }
        (self.turn, self.next) = (reading.turn, reading.next);
        let fingerprint = |signer: &Signer| signer.certificate().fingerprint.clone();
        // The leaves of the same root stay.
        if let Some(signer) = reading.signer.filter(|signer| fingerprint(signer) != fingerprint(&self.signer)) {
            info!(fingerprint = fingerprint(&signer), "another root is in use");
            self.signer = signer;
        }
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        let Self { signer, next, .. } = self;
        self.arguments.part.publish(Report {
            fingerprint: signer.certificate().fingerprint.clone(),
            not_after: signer.certificate().not_after.clone(),
            leaves_cached: signer.leaves(),
            next_fingerprint: next.as_ref().map(|next| next.fingerprint.clone()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervision::slot::slot;

    #[tokio::test]
    async fn a_host_has_one_leaf_and_another_host_another() {
        let parent = tempfile::tempdir().expect("a folder");
        let part = Part::default();
        let arguments = Arguments::new(parent.path().join("ca"), part.clone());
        let (publisher, address) = slot("authority");
        let (actor, _) = Actor::spawn(None, Authority, arguments).await.expect("started");
        publisher.publish(Some(actor));
        let authority = AuthorityHandle::new(address);
        let issue = async |host: &str| {
            let host = Host::parse(host).expect("a host");
            authority.issue(host).await.expect("issued")
        };
        let first = issue("a.example").await;
        assert!(Arc::ptr_eq(&first, &issue("a.example").await), "cached, so that sessions can be resumed");
        assert!(!Arc::ptr_eq(&first, &issue("b.example").await));
        assert_eq!(part.report().leaves_cached, 2);
    }
}
