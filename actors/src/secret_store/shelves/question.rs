//! Questions to the shelves, and their answers.

use std::ops::ControlFlow;

use policy::verdict::judge::{InjectionRequest, Permit, Verdict, judge};
use policy::verdict::refusal::Refusal;
use policy::verdict::render::{Rendered, render};
use policy::verdict::tables::Tables;

use crate::secret_store::shelf::Want;

/// What is asked.
#[derive(Debug)]
pub(crate) enum Question {
    /// May these fields be filled?
    Judge(InjectionRequest),
    /// Answer once the sources have been read, however that went.
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
    /// What each shelf must have before it can be answered.
    pub(super) fn want(&self) -> Want {
        match self {
            Self::Judge(_) => Want::Fresh,
            Self::Reload => Want::Reload,
            Self::Render(_) => Want::Held,
        }
    }

    /// The words for the namespaces that it is about.
    pub(super) fn namespaces(&self) -> Vec<Option<&str>> {
        match self {
            Self::Judge(request) => request.fields.namespaces(),
            Self::Reload => Vec::new(),
            Self::Render(permit) => permit.namespaces(),
        }
    }

    /// Answers by these tables. Continues with the question if that is for another read to answer.
    pub(super) fn answer(self, tables: &Tables<'_>) -> ControlFlow<Answer, Self> {
        let answer = match self {
            // What both reads allow need not wait for a third.
            Self::Judge(request) if tables.are_restricted() => match verdict(tables, request.clone()) {
                Ok(permit) => Answer::Judge(Ok(permit)),
                Err(_) => return ControlFlow::Continue(Self::Judge(request)),
            },
            Self::Judge(request) => Answer::Judge(verdict(tables, request)),
            Self::Reload => return ControlFlow::Continue(self),
            Self::Render(permit) => Answer::Render(render(tables, permit)),
        };
        ControlFlow::Break(answer)
    }

    /// Answers without a table.
    pub(super) fn refuse(self, refusal: Refusal) -> Answer {
        match self {
            Self::Judge(_) => Answer::Judge(Err(refusal)),
            Self::Reload => Answer::Reload,
            Self::Render(_) => Answer::Render(Err(refusal)),
        }
    }
}

fn verdict(tables: &Tables<'_>, request: InjectionRequest) -> Result<Permit, Refusal> {
    match judge(tables, request) {
        Verdict::Permit(permit) => Ok(permit),
        Verdict::Refuse(refusal) => Err(refusal),
    }
}
