//! Questions to a shelf, and their answers.

use std::ops::ControlFlow;

use policy::verdict::judge::{InjectionRequest, Permit};
use policy::verdict::refusal::Refusal;
use policy::verdict::render::Rendered;

use crate::secret_store::moment::Moment;
use crate::secret_store::vault::Vault;

/// A question whose reply port the owner keeps.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct QuestionId(pub(crate) u64);

/// The kind of a question.
#[derive(Debug)]
pub(crate) enum Question {
    /// May these fields be filled?
    Judge(InjectionRequest),
    /// Answer after the next read, with any outcome.
    Reload,
    /// Fill the fields of a permit.
    Render(Permit),
}

/// An answer, of the same kind as the question.
#[derive(Debug)]
pub(crate) enum Answer {
    Judge(Result<Permit, Refusal>),
    Reload,
    Render(Result<Rendered, Refusal>),
}

impl Question {
    /// Whether a request waits for the answer, and not only a person who typed `reload`.
    pub(super) fn is_request(&self) -> bool {
        !matches!(self, Self::Reload)
    }

    /// Whether a vault from an earlier read may answer it.
    pub(super) fn may_use(&self, vault: &Vault, now: Moment) -> bool {
        match self {
            Self::Judge(_) => vault.is_fresh(now),
            Self::Reload => false,
            Self::Render(_) => vault.is_held(now),
        }
    }

    /// Answers from the vault. Continues with the question if only another read can answer it.
    pub(super) fn answer(self, vault: &Vault) -> ControlFlow<Answer, Self> {
        let answer = match self {
            // A secret that both reads allow need not wait for a third read.
            Self::Judge(request) if vault.is_restricted() => match vault.judge(request.clone()) {
                Ok(permit) => Answer::Judge(Ok(permit)),
                Err(_) => return ControlFlow::Continue(Self::Judge(request)),
            },
            Self::Judge(request) => Answer::Judge(vault.judge(request)),
            Self::Reload => return ControlFlow::Continue(self),
            Self::Render(permit) => Answer::Render(vault.render(permit)),
        };
        ControlFlow::Break(answer)
    }

    /// Answers without a vault.
    pub(super) fn refuse(self, refusal: Refusal) -> Answer {
        match self {
            Self::Judge(_) => Answer::Judge(Err(refusal)),
            Self::Reload => Answer::Reload,
            Self::Render(_) => Answer::Render(Err(refusal)),
        }
    }
}
