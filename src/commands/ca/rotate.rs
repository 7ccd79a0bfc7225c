//! `ca rotate`: a next root beside the one in use, and later the step to it.

use actors::folder::{Folder, FolderError};
use actors::{RootError, Roots, Step};
use serde_json::json;

use crate::commands::ask::put;
use crate::failure::Failure;
use crate::guests;
use crate::settings::joined;
use crate::terminal::visible;

/// How often a daemon is asked: one of its owners may be starting again.
const TRIES: usize = 3;

pub(super) fn begin(folder: &Folder) -> Result<(), Failure> {
    take(folder, Step::Begin)?;
    let next = Roots::next(folder).transpose().map_err(Failure::not_well)?;
    let next = next.ok_or_else(|| Failure::not_well("somebody else has just finished a rotation: secret-proxy ca"))?;
    say!("another root waits in {}; the one in use stays in use", folder.next_authority().display());
    say!("fingerprint  {} (SHA-256)", next.fingerprint);
    say!("now          secret-proxy ca export > secret-proxy-ca.pem, which has both: bring it to each VM,");
    say!("             look with secret-proxy doctor INSTANCE whether it trusts both,");
    say!("then         secret-proxy ca rotate --finish");
    Ok(())
}

pub(super) fn finish(folder: &Folder, force: bool) -> Result<(), Failure> {
    // What is in use may be damaged or expired: that is a reason to rotate.
    let waits = folder.next_authority().exists();
    if waits && !force {
        refuse_if_early(folder)?;
    }
    take(folder, Step::Finish)?;
    let in_use = Roots::read(folder).map_err(Failure::not_well)?.in_use;
    if waits {
        say!("the next root is in use; the key of the one before is deleted");
    } else {
        say!("no other root waits (secret-proxy ca rotate makes one); in use is");
    }
    say!("fingerprint  {} (SHA-256)", in_use.fingerprint);
    Ok(())
}

/// A VM that does not trust the next root gets nothing but certificate errors from then on.
fn refuse_if_early(folder: &Folder) -> Result<(), Failure> {
    let Some(Ok(next)) = Roots::next(folder) else { return Ok(()) };
    if Roots::exported(folder).is_none() {
        return Err(Failure::not_well(
            "the next root was never exported, so that no VM trusts it: secret-proxy ca export > secret-proxy-ca.pem, \
             bring it to each VM, then again; or add --force",
        ));
    }
    let seen = guests::read(folder);
    let without = seen.iter().filter(|(_, guest)| !guest.trusts.contains(&next.fingerprint));
    let without: Vec<String> = without.map(|(name, _)| visible(name)).collect();
    if without.is_empty() {
        return Ok(());
    }
    Err(Failure::not_well(format!(
        "the next root is not trusted yet by {}: bring the export there and look again with secret-proxy doctor; \
         or add --force",
        joined(without)
    )))
}

/// By the daemon if one runs, because the roots are its own; else here.
fn take(folder: &Folder, step: Step) -> Result<(), Failure> {
    match actors::rotate(folder, step) {
        Err(RootError::Folder(FolderError::InUse(..))) => {}
        done => return done.map_err(Failure::not_well),
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
