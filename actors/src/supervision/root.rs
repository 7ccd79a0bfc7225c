//! The root of the tree: starts the owners in order, starts them again when they crash, and ends
//! them in reverse order.
//!
//! *Owns* the child list, the restart budgets and, by lending them out, what must outlive a crash:
//! the bound sockets and the parts of the status report. *Answers* `Drain`. *Asks* nobody. *Dies when* an owner has
//! used up its budget: the process then ends, and the service manager starts a new one. Sessions
//! hang off it too, but are never restarted and never counted.

use std::time::{Duration, Instant};

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info, warn};

use super::budget::Budget;
use super::child::Child;
use crate::limits;
use crate::supervision::drain::Drain;
use crate::supervision::heartbeat;
use crate::supervision::part::Part;
use crate::supervision::report::{SubsystemReport, SubsystemState};

/// Why the tree ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// It was asked to.
    Drained,
    /// This owner crashed more often than its budget allows.
    Exhausted(&'static str),
}

/// What the root is told.
pub(crate) enum Msg {
    /// Ask all owners whether they answer.
    Beat,
    /// Stop accepting, let sessions finish for a while, stop the owners, answer.
    Drain { reply: RpcReplyPort<()> },
    /// The sessions have finished, or their time is over.
    Finished,
    /// The pause after a crash is over.
    Respawn(usize),
    /// This actor does not answer.
    Silent(ActorId),
    /// A test wants this owner to misbehave.
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

/// What the root needs to start.
pub(crate) struct Arguments {
    pub(crate) report: Part<Vec<SubsystemReport>>,
    pub(crate) drain: Drain,
    /// The child list, in start order. Made when the root's own address is known.
    pub(crate) children: Box<dyn FnOnce(ActorRef<Msg>) -> Vec<Child> + Send>,
    pub(crate) ended: oneshot::Sender<Ended>,
    pub(crate) crashes_max: usize,
}

pub(crate) struct Supervisor;

pub(crate) struct State {
    report: Part<Vec<SubsystemReport>>,
    drain: Drain,
    children: Vec<(Child, Life)>,
    ended: Option<oneshot::Sender<Ended>>,
    draining: Option<RpcReplyPort<()>>,
    /// Waits for the sessions while draining.
    waiting: Option<AbortOnDropHandle<()>>,
}

struct Life {
    cell: Option<ActorCell>,
    budget: Budget,
    restarts: u64,
    last_failure: Option<String>,
    backoff: Option<Duration>,
    /// Waits for the answer to a heartbeat.
    heartbeat: Option<AbortOnDropHandle<()>>,
    /// Whether it was ended because it did not answer.
    silent: bool,
}

impl Actor for Supervisor {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let life = || Life {
            cell: None,
            budget: Budget::new(arguments.crashes_max, limits::CRASH_WINDOW),
            restarts: 0,
            last_failure: None,
            backoff: None,
            heartbeat: None,
            silent: false,
        };
        let children = (arguments.children)(myself.clone()).into_iter().map(|child| (child, life())).collect();
        let ended = Some(arguments.ended);
        let Arguments { report, drain, .. } = arguments;
        let mut state = State { report, drain, children, ended, draining: None, waiting: None };
        for (child, life) in &mut state.children {
            life.cell = Some((child.start)(myself.get_cell()).await?);
        }
        drop(myself.send_interval(limits::HEARTBEAT_EVERY, || Msg::Beat));
        state.publish();
        Ok(state)
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Beat => state.beat(&myself),
            Msg::Drain { reply } => state.drain(&myself, reply),
            Msg::Finished => state.finish(&myself).await,
            Msg::Respawn(index) => state.respawn(&myself, index).await,
            Msg::Silent(id) => state.silent(&myself, id),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => state.fault(&fault),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        // The event holds the child's last state or its panic text: both may know secrets, so it is
        // matched by id and dropped.
        let (id, failure) = match &event {
            SupervisionEvent::ActorTerminated(cell, ..) => (cell.get_id(), "stopped by itself"),
            SupervisionEvent::ActorFailed(cell, _) => (cell.get_id(), "crashed"),
            _ => return Ok(()),
        };
        drop(event);
        state.lost(&myself, id, failure);
        Ok(())
    }
}

impl State {
    /// Asks every owner that is up; one that does not answer in time is told of.
    fn beat(&mut self, myself: &ActorRef<Msg>) {
        for (child, life) in &mut self.children {
            let Some(cell) = &life.cell else { continue };
            if life.heartbeat.as_ref().is_some_and(|waiting| !waiting.is_finished()) {
                continue;
            }
            let (answer, id, myself) = ((child.ask)(cell), cell.get_id(), myself.clone());
            let progress = child.progress.clone();
            life.heartbeat = Some(AbortOnDropHandle::new(tokio::spawn(async move {
                if !heartbeat::is_alive(answer, progress, limits::HEARTBEAT_TIMEOUT).await {
                    let _ = myself.cast(Msg::Silent(id));
                }
            })));
        }
        self.publish();
    }

    /// Ends an owner that does not answer, so that another takes its place. One that does not end
    /// either blocks a thread, and only a new process helps.
    fn silent(&mut self, myself: &ActorRef<Msg>, id: ActorId) {
        let Some(index) = self.position(id) else { return };
        let Some((child, life)) = self.children.get_mut(index) else { return };
        if std::mem::replace(&mut life.silent, true) {
            let name = child.name;
            error!(owner = name, "it neither answers nor ends");
            self.end(Ended::Exhausted(name));
            return myself.stop(None);
        }
        life.cell.iter().for_each(ActorCell::kill);
    }

    /// An actor under the root has ended. If it is a present owner, it is started again.
    fn lost(&mut self, myself: &ActorRef<Msg>, id: ActorId, failure: &str) {
        let Some(index) = self.position(id).filter(|_| self.draining.is_none()) else { return };
        self.crashed(myself, index, failure.to_owned());
    }

    fn position(&self, id: ActorId) -> Option<usize> {
        let alive = |life: &Life| life.cell.as_ref().is_some_and(|cell| cell.get_id() == id);
        self.children.iter().position(|(_, life)| alive(life))
    }

    fn crashed(&mut self, myself: &ActorRef<Msg>, index: usize, failure: String) {
        let Some((child, life)) = self.children.get_mut(index) else { return };
        (life.cell, life.heartbeat) = (None, None);
        (child.empty_slot)();
        let failure = if std::mem::take(&mut life.silent) { "did not answer".to_owned() } else { failure };
        let pause = life.budget.spend(Instant::now());
        life.backoff = pause;
        warn!(owner = child.name, failure, "owner is down");
        life.last_failure = Some(failure);
        match pause {
            Some(pause) => drop(myself.send_after(pause, move || Msg::Respawn(index))),
            None => {
                error!(owner = child.name, "restart budget is exhausted");
                let name = child.name;
                self.end(Ended::Exhausted(name));
                myself.stop(None);
            }
        }
        self.publish();
    }

    async fn respawn(&mut self, myself: &ActorRef<Msg>, index: usize) {
        let Some((child, life)) = self.children.get_mut(index) else { return };
        if life.cell.is_some() || self.draining.is_some() {
            return;
        }
        life.restarts += 1;
        match (child.start)(myself.get_cell()).await {
            Ok(cell) => {
                info!(owner = child.name, restarts = life.restarts, "owner is up again");
                (life.cell, life.backoff) = (Some(cell), None);
                self.publish();
            }
            // A start that fails is a crash too, but ractor does not report it as one.
            Err(_) => self.crashed(myself, index, "could not start".to_owned()),
        }
    }

    /// The listener goes first, so that nothing new comes in while sessions finish.
    fn drain(&mut self, myself: &ActorRef<Msg>, reply: RpcReplyPort<()>) {
        if self.draining.is_some() {
            return;
        }
        self.draining = Some(reply);
        // With its arguments go the bound sockets: new clients are turned away, not left waiting.
        if let Some((child, life)) = self.children.pop() {
            (child.empty_slot)();
            life.cell.iter().for_each(|cell| cell.stop(None));
        }
        self.drain.begin();
        let (drain, myself) = (self.drain.clone(), myself.clone());
        self.waiting = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let _ = timeout(limits::DRAIN_TIMEOUT, drain.finished()).await;
            let _ = myself.cast(Msg::Finished);
        })));
        self.publish();
    }

    /// Stops the owners in reverse order: the audit is the last to go.
    async fn finish(&mut self, myself: &ActorRef<Msg>) {
        for (child, life) in self.children.iter_mut().rev() {
            (child.empty_slot)();
            if let Some(cell) = life.cell.take() {
                let _ = cell.stop_and_wait(None, Some(limits::OWNER_STOP_TIMEOUT)).await;
            }
        }
        self.end(Ended::Drained);
        if let Some(reply) = self.draining.take() {
            let _ = reply.send(());
        }
        myself.stop(None);
    }

    fn end(&mut self, how: Ended) {
        if let Some(ended) = self.ended.take() {
            let _ = ended.send(how);
        }
    }

    fn publish(&mut self) {
        let now = Instant::now();
        let report = |(child, life): &mut (Child, Life)| SubsystemReport {
            name: child.name.to_owned(),
            state: if life.cell.is_some() { SubsystemState::Running } else { SubsystemState::Restarting },
            restarts: life.restarts,
            last_failure: life.last_failure.clone(),
            crashes_left: life.budget.left(now),
            backoff_ms: life.backoff.map(|backoff| u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX)),
        };
        let reports = self.children.iter_mut().map(report).collect();
        self.report.publish(reports);
    }

    #[cfg(feature = "faults")]
    fn fault(&self, fault: &crate::supervision::faults::Fault) {
        for (child, life) in &self.children {
            if child.name == fault.owner {
                life.cell.iter().for_each(|cell| (child.fault)(cell, fault.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
