//! `ca rotate`: creates the next root, and later switches to it.

use actors::folder::{Folder, FolderError};
use actors::hint::Hint;
use actors::status::{Done, Question};
use actors::{RootError, Roots, Step};

use super::error::unusable;
use super::export::EXPORT;
use crate::control::ask;
use crate::settings::{self, joined};
use crate::terminal::escape::visible;
use crate::terminal::failure::Failure;
use crate::vm::trust;

/// How often the daemon is asked: one of its owners may be restarting.
const TRIES: usize = 3;
const AGAIN: &str = "run the command again (or add --force now)";
const AFTER_EXPORT: &str = "copy the file to each VM and run the command again (or add --force now)";

pub(super) fn begin(folder: &Folder) -> Result<(), Failure> {
    take(folder, Step::Begin)?;
    let hints = settings::hints(folder);
    let next = Roots::next(folder).transpose().map_err(|error| unusable(folder, error))?;
    let next = next.ok_or_else(|| {
        Failure::not_well("another command has just finished a rotation").hint(Hint::run("ca")).within(&hints)
    })?;
    out!("next root created in {}; the current root stays in use", folder.next_authority().display());
    out!("fingerprint  {} (SHA-256)", next.fingerprint);
    out!("now          {}: copy the file, which has both roots, to each VM,", hints.command(EXPORT));
    out!("             check with {} that the VM trusts both,", hints.command("doctor VM"));
    out!("then         {}", hints.command("ca rotate --finish"));
    Ok(())
}

pub(super) fn finish(folder: &Folder, force: bool) -> Result<(), Failure> {
    // The current root may be damaged or expired, which is a reason to rotate.
    let waits = folder.next_authority().exists();
    if waits && !force {
        refuse_if_early(folder)?;
    }
    take(folder, Step::Finish)?;
    let in_use = Roots::read(folder).map_err(|error| unusable(folder, error))?.in_use;
    if waits {
        out!("the next root is now the current root; the key of the previous root is deleted");
    } else {
        out!(
            "there is no next root ({} creates one); the current root is",
            settings::hints(folder).command("ca rotate")
        );
    }
    out!("fingerprint  {} (SHA-256)", in_use.fingerprint);
    Ok(())
}

/// A VM that does not trust the next root would get certificate errors for every request.
fn refuse_if_early(folder: &Folder) -> Result<(), Failure> {
    let Some(Ok(next)) = Roots::next(folder) else { return Ok(()) };
    let hints = settings::hints(folder);
    if Roots::exported(folder).is_none() {
        let failure = Failure::not_well("the next root was never exported, so no VM trusts it");
        return Err(failure.hint(Hint::run(EXPORT)).hint(AFTER_EXPORT).within(&hints));
    }
    let seen = trust::read(folder);
    let without = seen.iter().filter(|(_, guest)| !guest.trusts.contains(&next.fingerprint));
    let without: Vec<String> = without.map(|(name, _)| visible(name)).collect();
    if without.is_empty() {
        return Ok(());
    }
    let failure = Failure::not_well(format!("the next root is not trusted yet by {}", joined(without)));
    Err(failure.hint("copy the export there").hint(Hint::run("doctor VM")).hint(AGAIN).within(&hints))
}

/// Asks the daemon if one runs, because it owns the roots; else does it here.
fn take(folder: &Folder, step: Step) -> Result<(), Failure> {
    match actors::rotate(folder, step) {
        Err(RootError::Folder(FolderError::InUse(..))) => {}
        done => return done.map_err(|error| unusable(folder, error)),
    }
    let question = Question::Rotate { step };
    let mut answer = ask::<Done>(folder, &question);
    for _ in 1..TRIES {
        if answer.is_err() {
            answer = ask::<Done>(folder, &question);
        }
    }
    answer.map(drop)
}
