//! An address that outlives the incarnation behind it.
//!
//! A restarted actor is a new actor with a new address. Whoever asks an owner holds a [`Slot`], and
//! the supervisor puts the owner's present address into it; while the owner is down the slot is
//! empty and the answer is [`Unavailable`], which every caller turns into a refusal: down is closed.

use std::time::Duration;

use ractor::rpc::CallResult;
use ractor::{ActorRef, Message, RpcReplyPort};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::limits::RESTART_POLL;

/// An owner that did not answer: it is down, restarting or too slow.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0} is not available")]
pub(crate) struct Unavailable(pub(crate) &'static str);

/// Where an owner can be reached at present.
pub(crate) struct Slot<M: Message> {
    owner: &'static str,
    address: watch::Receiver<Option<ActorRef<M>>>,
}

/// The end of a slot that the supervisor holds.
pub(crate) struct Publisher<M: Message> {
    owner: &'static str,
    address: watch::Sender<Option<ActorRef<M>>>,
}

/// An empty slot for the owner of that name.
pub(crate) fn slot<M: Message>(owner: &'static str) -> (Publisher<M>, Slot<M>) {
    let (sender, address) = watch::channel(None);
    (Publisher { owner, address: sender }, Slot { owner, address })
}

impl<M: Message> Clone for Slot<M> {
    fn clone(&self) -> Self {
        Self { owner: self.owner, address: self.address.clone() }
    }
}

impl<M: Message> Publisher<M> {
    /// The owner's name.
    pub(crate) fn owner(&self) -> &'static str {
        self.owner
    }

    pub(crate) fn publish(&self, address: Option<ActorRef<M>>) {
        self.address.send_replace(address);
    }
}

/// How a question went unanswered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Silence {
    /// The owner was not there.
    Down,
    /// It went down with the question.
    Crashed,
    /// It took too long.
    Late,
}

impl<M: Message> Slot<M> {
    /// Asks the owner and waits for its answer.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        question: impl FnOnce(RpcReplyPort<T>) -> M,
        limit: Duration,
    ) -> Result<T, Unavailable> {
        self.ask(question, limit).await.map_err(|_| self.unavailable())
    }

    /// Tells the owner something that needs no answer.
    pub(crate) fn cast(&self, message: M) -> Result<(), Unavailable> {
        let address = self.address.borrow();
        let address = address.as_ref().ok_or(self.unavailable())?;
        address.cast(message).map_err(|_| self.unavailable())
    }

    /// Asks again while the owner restarts, and waits for as long as `patience` for each restart. Only for
    /// questions that may be asked twice.
    pub(crate) async fn call_patiently<T: Send + 'static>(
        &self,
        question: impl Fn(RpcReplyPort<T>) -> M,
        limit: Duration,
        patience: Duration,
    ) -> Result<T, Unavailable> {
        let mut since = Instant::now();
        loop {
            match self.ask(&question, limit).await {
                Ok(answer) => return Ok(answer),
                // It had been up in between, and may have hung for a while.
                Err(Silence::Crashed) => since = Instant::now(),
                Err(Silence::Down | Silence::Late) => {}
            }
            if since.elapsed() >= patience {
                return Err(self.unavailable());
            }
            sleep(RESTART_POLL).await;
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(RpcReplyPort<T>) -> M,
        limit: Duration,
    ) -> Result<T, Silence> {
        let address = self.address.borrow().clone().ok_or(Silence::Down)?;
        match address.call(question, Some(limit)).await {
            Ok(CallResult::Success(answer)) => Ok(answer),
            Ok(CallResult::Timeout) => Err(Silence::Late),
            Ok(CallResult::SenderError) => Err(Silence::Crashed),
            Err(_) => Err(Silence::Down),
        }
    }

    fn unavailable(&self) -> Unavailable {
        Unavailable(self.owner)
    }
}
