//! The reply ports of questions that wait for a source.

use std::collections::{HashMap, HashSet};

use policy::verdict::judge::Permit;
use policy::verdict::refusal::Refusal;
use policy::verdict::render::Rendered;
use ractor::RpcReplyPort;

use super::shelf::QuestionId;
use super::shelves::Answer;

/// The reply port of an answer. A dropped port counts as a refusal.
pub(super) enum Port {
    Judge(RpcReplyPort<Result<Permit, Refusal>>),
    Reload(RpcReplyPort<()>),
    Render(RpcReplyPort<Result<Rendered, Refusal>>),
}

impl Port {
    /// Whether nobody waits for the answer any more.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Judge(port) => port.is_closed(),
            Self::Reload(port) => port.is_closed(),
            Self::Render(port) => port.is_closed(),
        }
    }

    /// Sends the answer. The caller may have gone away.
    pub(super) fn send(self, answer: Answer) {
        match (self, answer) {
            (Self::Judge(port), Answer::Judge(verdict)) => drop(port.send(verdict)),
            (Self::Reload(port), Answer::Reload) => drop(port.send(())),
            (Self::Render(port), Answer::Render(rendered)) => drop(port.send(rendered)),
            // No answer of another kind can come: questions and ports are created in pairs.
            _ => {}
        }
    }
}

/// The ports, each under the number of its question.
#[derive(Default)]
pub(super) struct Queue {
    ports: HashMap<QuestionId, Port>,
    count: u64,
}

impl Queue {
    pub(super) fn push(&mut self, port: Port) -> QuestionId {
        self.count += 1;
        let id = QuestionId(self.count);
        self.ports.insert(id, port);
        id
    }

    pub(super) fn answer(&mut self, id: QuestionId, answer: Answer) {
        if let Some(port) = self.ports.remove(&id) {
            port.send(answer);
        }
    }

    /// Removes the abandoned ports before a new port takes more memory: each question may hold a whole head, and clients
    /// that disconnect and return would fill the memory while requests wait for the mount.
    pub(super) fn make_room(&mut self) -> HashSet<QuestionId> {
        if self.ports.len() < self.ports.capacity() { HashSet::default() } else { self.take_abandoned() }
    }

    /// Removes the ports whose answers nobody waits for any more.
    pub(super) fn take_abandoned(&mut self) -> HashSet<QuestionId> {
        self.ports.extract_if(|_, port| port.is_abandoned()).map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use ractor::concurrency::oneshot;

    use super::*;

    #[test]
    fn questions_that_nobody_awaits_take_no_memory_and_others_stay() {
        let (mut queue, mut abandoned, mut awaited) = (Queue::default(), HashSet::new(), Vec::new());
        for nth in 0..10_000 {
            let (port, answer) = oneshot();
            abandoned.extend(queue.make_room());
            let id = queue.push(Port::Reload(port.into()));
            if nth % 1000 == 0 {
                awaited.push((id, answer));
            }
        }
        assert!(queue.ports.len() <= 32, "{} are kept", queue.ports.len());
        abandoned.extend(queue.take_abandoned());
        assert_eq!((queue.ports.len(), abandoned.len()), (10, 9_990));
        for (id, mut answer) in awaited {
            assert!(!abandoned.contains(&id));
            queue.answer(id, Answer::Reload);
            assert_eq!(answer.try_recv(), Ok(()));
        }
    }
}
