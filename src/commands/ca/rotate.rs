//! `ca rotate`: a next root beside the one in use, and later the step to it.

use actors::folder::{Folder, FolderError};
use actors::{RootError, Roots, Step};
use serde_json::json;

use super::error::unusable;
use super::export::EXPORT;
use crate::control::put;
use crate::failure::Failure;
use crate::guests;
use crate::settings::joined;
use crate::terminal::visible;
use crate::typed::Typed;

/// How often a daemon is asked: one of its owners may be starting again.
const TRIES: usize = 3;

pub(super) fn begin(folder: &Folder) -> Result<(), Failure> {
    take(folder, Step::Begin)?;
    let typed = Typed::new(folder);
    let next = Roots::next(folder).transpose().map_err(|error| unusable(folder, &error))?;
    let next = next.ok_or_else(|| {
        Failure::not_well(format!("somebody else has just finished a rotation: see {}", typed.ours("ca")))
    })?;
    say!("another root waits in {}; the one in use stays in use", folder.next_authority().display());
    say!("fingerprint  {} (SHA-256)", next.fingerprint);
    say!("now          {}, which has both: bring it to each VM,", typed.ours(EXPORT));
    say!("             look with {} whether it trusts both,", typed.ours("doctor INSTANCE"));
    say!("then         {}", typed.ours("ca rotate --finish"));
    Ok(())
}

pub(super) fn finish(folder: &Folder, force: bool) -> Result<(), Failure> {
    // What is in use may be damaged or expired: that is a reason to rotate.
    let waits = folder.next_authority().exists();
    if waits && !force {
        refuse_if_early(folder)?;
    }
    take(folder, Step::Finish)?;
    let in_use = Roots::read(folder).map_err(|error| unusable(folder, &error))?.in_use;
    if waits {
        say!("the next root is in use; the key of the one before is deleted");
    } else {
        say!("no other root waits ({} makes one); in use is", Typed::new(folder).ours("ca rotate"));
    }
    say!("fingerprint  {} (SHA-256)", in_use.fingerprint);
    Ok(())
}

/// A VM that does not trust the next root gets nothing but certificate errors from then on.
fn refuse_if_early(folder: &Folder) -> Result<(), Failure> {
    let Some(Ok(next)) = Roots::next(folder) else { return Ok(()) };
    let typed = Typed::new(folder);
    if Roots::exported(folder).is_none() {
        return Err(Failure::not_well(format!(
            "the next root was never exported, so that no VM trusts it: {}, bring it to each VM, then again; or add \
             --force",
            typed.ours(EXPORT)
        )));
    }
    let seen = guests::read(folder);
    let without = seen.iter().filter(|(_, guest)| !guest.trusts.contains(&next.fingerprint));
    let without: Vec<String> = without.map(|(name, _)| visible(name)).collect();
    if without.is_empty() {
        return Ok(());
    }
    Err(Failure::not_well(format!(
        "the next root is not trusted yet by {}: bring the export there and look again with {}; or add --force",
        joined(without),
        typed.ours("doctor INSTANCE")
    )))
}

/// By the daemon if one runs, because the roots are its own; else here.
fn take(folder: &Folder, step: Step) -> Result<(), Failure> {
    match actors::rotate(folder, step) {
        Err(RootError::Folder(FolderError::InUse(..))) => {}
        done => return done.map_err(|error| unusable(folder, &error)),
    }
    let question = json!({ "ask": "rotate", "step": step });
    let mut answer = put(folder, &question);
    for _ in 1..TRIES {
        if answer.is_err() {
            answer = put(folder, &question);
        }
    }
    answer.map(drop)
}
