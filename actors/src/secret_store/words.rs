//! The texts for the states of a source, in `status` and in the audit.

use policy::secrets::file::Malformed;
use policy::verdict::refusal::Refusal;

use super::report::SecretsState;
use super::sources::{Progress, ReadError};
use super::vault::Vault;
use crate::hint::Hint;

/// The outcome of a failed read.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) state: SecretsState,
    pub(super) detail: String,
    /// The reason for the requests that waited.
    pub(super) refusal: Refusal,
}

impl Failure {
    /// There is no text.
    pub(super) fn of(error: ReadError) -> Self {
        let detail = error.to_string();
        match error {
            ReadError::ClosedEmpty => Self::locked(detail),
            ReadError::Missing => Self::unreadable(SecretsState::Missing, detail),
            ReadError::Program(_) | ReadError::Token(_) => Self::unreadable(SecretsState::Failed, detail),
            ReadError::Unsafe(_) | ReadError::TooLarge => Self::unreadable(SecretsState::Unsafe, detail),
            ReadError::Changed | ReadError::Replaced(_) | ReadError::Io(_) => {
                Self::unreadable(SecretsState::Malformed, detail)
            }
        }
    }

    /// The text has a malformed line.
    pub(super) fn malformed(malformed: Malformed) -> Self {
        Self::unreadable(SecretsState::Malformed, malformed.to_string())
    }

    /// Several reads disagree.
    pub(super) fn contradictory() -> Self {
        let detail = "each read says something else: does another program read the pipe?";
        Self::unreadable(SecretsState::Malformed, detail.to_owned())
    }

    /// The read reached its time limit.
    pub(super) fn not_approved() -> Self {
        Self::locked("not approved in time".to_owned())
    }

    fn locked(detail: String) -> Self {
        Self { state: SecretsState::Locked, detail, refusal: Refusal::Locked }
    }

    fn unreadable(state: SecretsState, detail: String) -> Self {
        Self { state, refusal: Refusal::Unreadable(detail.clone().into()), detail }
    }
}

/// The state during a read without text, and the next step.
pub(super) fn while_waiting(progress: Progress) -> (SecretsState, &'static str) {
    match progress {
        Progress::Unserved => (
            SecretsState::Unserved,
            "nobody serves the pipe: is 1Password running and unlocked, and the mount enabled?",
        ),
        Progress::Awaiting => (
            SecretsState::AwaitingApproval,
            "the pipe is held open and nothing is written yet: look for 1Password's prompt",
        ),
        Progress::Begun => {
            (SecretsState::AwaitingApproval, "the pipe is held open and its text has begun, but not ended yet")
        }
    }
}

/// The next step for the person: `check` names wrong and doubtful entries, and `reload` does not wait for a pause to end.
pub(super) fn hints(state: SecretsState, vault: Option<&Vault>) -> Vec<Hint> {
    match state {
        SecretsState::Locked => vec![Hint::run("reload")],
        SecretsState::Malformed => vec![Hint::run("check")],
        SecretsState::Ready if vault.is_some_and(|vault| vault.problems() > 0) => vec![Hint::run("check")],
        _ => Vec::new(),
    }
}

/// The notes on a source after a read.
pub(super) fn when_ready(vault: &Vault) -> String {
    let mut notes: Vec<String> = vault.glance.note.map(str::to_owned).into_iter().collect();
    if vault.is_restricted() {
        notes.push("it has changed: reading once more before that counts".to_owned());
    }
    if vault.problems() > 0 {
        notes.push(format!("wrong entries: {}", vault.problems()));
    }
    notes.join("; ")
}
