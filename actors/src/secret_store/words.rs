//! What the mount looks like, in the words of `status` and of the audit.

use policy::verdict::refusal::Refusal;

use super::report::SecretsState;
use super::sources::{Kind, Progress, Trouble};
use super::vault::Vault;

/// The state behind a read that brought nothing, and the reason for those who waited.
pub(super) fn of(trouble: Trouble) -> (SecretsState, Refusal) {
    let unreadable = || Refusal::Unreadable(trouble.to_string().into());
    match trouble {
        Trouble::ClosedEmpty => (SecretsState::Locked, Refusal::Locked),
        Trouble::Missing => (SecretsState::Missing, unreadable()),
        Trouble::Unsafe(_) | Trouble::TooLarge => (SecretsState::Unsafe, unreadable()),
        Trouble::Changed | Trouble::Replaced | Trouble::Io(_) => (SecretsState::Malformed, unreadable()),
    }
}

/// The state of a pipe that has not given anything yet, and what to do about it.
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

/// What is to be said of a mount that was read.
pub(super) fn when_ready(vault: &Vault) -> String {
    let mut said = Vec::new();
    if vault.identity.kind == Kind::File {
        said.push("plain text on disk".to_owned());
    }
    if vault.identity.is_open_to_others {
        said.push("the pipe is open to others, but its folder is not: chmod 600 it".to_owned());
    }
    if vault.is_restricted() {
        said.push("it has changed: reading once more before that counts".to_owned());
    }
    if vault.problems() > 0 {
        // What is merely odd is not looked for here, but by `check`.
        said.push(format!("wrong entries: {}; secret-proxy check says which, and what else is odd", vault.problems()));
    }
    said.join("; ")
}
