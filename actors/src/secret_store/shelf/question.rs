//! Questions to a shelf, and their answers.

use std::ops::ControlFlow;

use policy::verdict::judge::{InjectionRequest, Permit};
use policy::verdict::refusal::Refusal;
use policy::verdict::render::Rendered;

use crate::secret_store::moment::Moment;
use crate::secret_store::vault::Vault;

/// A question that its owner keeps a reply port for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct QuestionId(pub(crate) u64);

/// What is asked.
#[derive(Debug)]
pub(crate) enum Question {
    /// May these fields be filled?
    Judge(InjectionRequest),
    /// Answer once the source has been read, however that went.
    Reload,
    /// Fill the fields of a permit.
    Render(Permit),
}

/// What is answered, of the same kind as the question.
#[derive(Debug)]
pub(crate) enum Answer {
    Judge(Result<Permit, Refusal>),
    Reload,
    Render(Result<Rendered, Refusal>),
}

impl Question {
    /// A request waits for the answer, and not only a person who has typed `reload`.
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

    /// Answers from the vault. Continues with the question if that is for another read to answer.
    pub(super) fn answer(self, vault: &Vault) -> ControlFlow<Answer, Self> {
        let answer = match self {
            // What both reads allow need not wait for a third.
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
