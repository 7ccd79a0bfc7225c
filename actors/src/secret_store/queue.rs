//! Questions to the store, and those of them that wait for the mount.

use std::time::{Duration, Instant};

use policy::rewrite::Rendered;
use policy::verdict::judge::{Permit, Plea};
use policy::verdict::refusal::Refusal;
use ractor::RpcReplyPort;

use super::vault::Vault;

/// What a session asks.
pub(super) enum Question {
    /// May these fields be filled?
    Judge(Plea, RpcReplyPort<Result<Permit, Refusal>>),
    /// Tell when the mount has been read, however that went.
    Reload(RpcReplyPort<()>),
    /// Fill the fields of a permit.
    Render(Permit, RpcReplyPort<Result<Rendered, Refusal>>),
}

impl Question {
    fn is_request(&self) -> bool {
        !matches!(self, Self::Reload(_))
    }

    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Judge(_, reply) => reply.is_closed(),
            Self::Reload(reply) => reply.is_closed(),
            Self::Render(_, reply) => reply.is_closed(),
        }
    }

    /// Whether a vault that was read earlier is still good for it.
    pub(super) fn may_be_answered_by(&self, vault: &Vault) -> bool {
        match self {
            Self::Judge(..) => vault.is_fresh(),
            Self::Reload(_) => false,
            Self::Render(..) => vault.is_held(),
        }
    }

    /// Answers by the vault. Gives the question back if it is for another read to answer.
    pub(super) fn answer(self, vault: &Vault) -> Option<Self> {
        match self {
            // What both reads say need not wait for a third.
            Self::Judge(plea, reply) if vault.is_restricted() => match vault.judge(plea.clone()) {
                Ok(permit) => drop(reply.send(Ok(permit))),
                Err(_) => return Some(Self::Judge(plea, reply)),
            },
            Self::Judge(plea, reply) => drop(reply.send(vault.judge(plea))),
            Self::Reload(_) => return Some(self),
            Self::Render(permit, reply) => drop(reply.send(vault.render(permit))),
        }
        None
    }

    pub(super) fn refuse(self, refusal: Refusal) {
        match self {
            Self::Judge(_, reply) => drop(reply.send(Err(refusal))),
            Self::Reload(reply) => drop(reply.send(())),
            Self::Render(_, reply) => drop(reply.send(Err(refusal))),
        }
    }
}

/// The questions that wait for a read, in the order in which they came.
#[derive(Default)]
pub(super) struct Queue(Vec<(Question, Instant)>);

impl Queue {
    /// Before there would have to be room for more, those go whom nobody waits for any more: each may hold a whole
    /// head, and clients that come and go would fill the memory while the mount is waited for.
    pub(super) fn push(&mut self, question: Question) {
        if self.0.len() == self.0.capacity() {
            self.forget_abandoned();
        }
        self.0.push((question, Instant::now()));
    }

    pub(super) fn forget_abandoned(&mut self) {
        self.0.retain(|(question, _)| !question.is_abandoned());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a request waits, and not only somebody who wants to know how a read goes.
    pub(super) fn has_request(&self) -> bool {
        self.0.iter().any(|(question, _)| question.is_request())
    }

    /// Answers what a vault that was just read can answer.
    pub(super) fn answer(&mut self, vault: &Vault) {
        let waiting = std::mem::take(&mut self.0);
        let unanswered = |(question, came): (Question, Instant)| Some((question.answer(vault)?, came));
        self.0 = waiting.into_iter().filter_map(unanswered).collect();
    }

    /// Tells those who wanted to know how the read went.
    pub(super) fn tell_read(&mut self) {
        for (question, _) in self.0.extract_if(.., |(question, _)| !question.is_request()) {
            question.refuse(Refusal::Locked);
        }
    }

    pub(super) fn refuse_all(&mut self, refusal: &Refusal) {
        self.0.drain(..).for_each(|(question, _)| question.refuse(refusal.clone()));
    }

    /// Refuses those that have waited for `patience`, not counting the time before `since`. Tells whether
    /// there was a request among them.
    pub(super) fn refuse_overdue(&mut self, patience: Duration, since: Option<Instant>, refusal: &Refusal) -> bool {
        let mut requests = false;
        let overdue =
            |(_, came): &mut (Question, Instant)| since.map_or(*came, |since| since.max(*came)).elapsed() >= patience;
        for (question, _) in self.0.extract_if(.., overdue) {
            requests |= question.is_request();
            question.refuse(refusal.clone());
        }
        requests
    }
}

#[cfg(test)]
mod tests {
    use ractor::concurrency::oneshot;

    use super::*;

    #[test]
    fn questions_that_nobody_awaits_take_no_memory_and_others_stay() {
        let (mut queue, mut awaited) = (Queue::default(), Vec::new());
        for nth in 0..10_000 {
            let (answer, question) = oneshot();
            queue.push(Question::Reload(answer.into()));
            if nth % 1000 == 0 {
                awaited.push(question);
            }
        }
        assert!(queue.0.len() <= 32, "{} are kept", queue.0.len());
        queue.forget_abandoned();
        assert_eq!(queue.0.len(), awaited.len());
        queue.tell_read();
        assert!(awaited.into_iter().all(|mut question| question.try_recv() == Ok(())));
    }
}
