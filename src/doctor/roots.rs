//! The certificate authority: the root in use, and the one that waits.

use std::io::ErrorKind;

use actors::folder::FolderError;
use actors::tunnels::report::is_name;
use actors::{RootCertificate, RootError, Roots};
use time::OffsetDateTime;

use super::{Ground, Link};
use crate::settings::joined;
use crate::terminal::escape::visible;
use crate::terminal::hints::quoted;
use crate::vm::trust::{self, Guests};

/// A root that ends sooner is told of: every VM has to be brought another first.
const DAYS_LEFT_MIN: i64 = 90;
const EXPORT: &str = "ca export > secret-proxy-ca.pem";

pub(super) fn in_use(ground: &Ground) -> Link {
    const NAME: &str = "ca";
    let folder = ground.folder.authority();
    match Roots::check(&ground.folder) {
        Ok(root) => valid(ground, &root),
        Err(error @ RootError::Missing(_)) => match &ground.status {
            None => Link::warn(NAME, told(&error), ground.typed.start()),
            Some(status) => {
                let detail = format!("{} is gone: the daemon makes another when it starts again", folder.display());
                Link::fail(NAME, detail, ground.typed.restart(status))
            }
        },
        Err(RootError::KeyExposed(path, mode)) => {
            let detail = format!("{} can be read by others (mode {mode:o})", path.display());
            let fix =
                format!("chmod 600 {}   # if they have read it: {}", quoted(&path), ground.typed.ours("ca rotate"));
            Link::fail(NAME, detail, fix)
        }
        Err(RootError::Folder(error)) if is_denied(&error) => {
            let fix = format!("chmod -R u+rwX {}", quoted(&folder));
            Link::fail(NAME, format!("{}: this user may not enter or read it", folder.display()), fix)
        }
        Err(error) => {
            let another =
                format!("{} && {}", ground.typed.ours("ca rotate"), ground.typed.ours("ca rotate --finish --force"));
            Link::fail(NAME, told(&error), format!("{another}   # and bring it to the VMs"))
        }
    }
}

fn is_denied(error: &FolderError) -> bool {
    matches!(error, FolderError::Io(_, error) if error.kind() == ErrorKind::PermissionDenied)
}

/// What is wrong, without the advice for somebody who does not have this fix.
fn told(error: &RootError) -> String {
    match error {
        RootError::Missing(path) => format!("there is no CA in {} yet", path.display()),
        RootError::Damaged(path, what) => format!("{} is damaged: {what}", path.display()),
        RootError::NotValid(path, from, to) => format!("{} is not valid now, but from {from} to {to}", path.display()),
        other => other.to_string(),
    }
}

fn valid(ground: &Ground, root: &RootCertificate) -> Link {
    const NAME: &str = "ca";
    let now = OffsetDateTime::now_utc();
    let (age, left) = ((now - root.made).whole_days(), (root.ends - now).whole_days());
    let detail = format!("{}, made {age} days ago, valid for {left} days", root.fingerprint);
    if left < DAYS_LEFT_MIN { Link::warn(NAME, detail, ground.typed.ours("ca rotate")) } else { Link::ok(NAME, detail) }
}

/// Whether another root waits, and whether the daemon signs with the one that stands in the folder.
pub(super) fn rotation(ground: &Ground) -> Link {
    const NAME: &str = "rotation";
    let Ok(roots) = Roots::read(&ground.folder) else {
        return Link::not_looked_at(NAME, "the root in use is not well");
    };
    let signs = ground.status.as_ref().and_then(|status| status["ca"]["fingerprint"].as_str());
    if let Some(other) = signs.filter(|signs| *signs != roots.in_use.fingerprint) {
        let detail = format!("the daemon signs with another root than the one in ca: {}", visible(other));
        return Link::fail(NAME, detail, ground.typed.ours("ca rotate --finish"));
    }
    match roots.next {
        None => Link::ok(NAME, "no other root waits"),
        Some(Err(error)) => {
            let next = quoted(&ground.folder.next_authority());
            Link::fail(NAME, error.to_string(), format!("rm -r {next} && {}", ground.typed.ours("ca rotate")))
        }
        Some(Ok(_)) if roots.exported.is_none() => {
            Link::warn(NAME, "another root waits, and was never exported", ground.typed.ours(EXPORT))
        }
        Some(Ok(next)) => waiting(ground, &next),
    }
}

fn waiting(ground: &Ground, next: &RootCertificate) -> Link {
    const NAME: &str = "rotation";
    let seen = trust::read(&ground.folder);
    let without = seen.iter().filter(|(_, guest)| !guest.trusts.contains(&next.fingerprint));
    let without: Vec<String> = without.map(|(name, _)| visible(name)).collect();
    if !without.is_empty() {
        let detail = format!("another root waits, and is not trusted yet by {}", joined(without));
        return Link::warn(NAME, detail, ground.typed.ours(EXPORT));
    }
    // To use it now would cut off every VM that does not trust it.
    if let Some(name) = unseen(ground, &seen) {
        let detail = format!("another root waits; whether {name} trusts it is not known");
        return Link::warn(NAME, detail, ground.typed.ours(&format!("doctor {name}")));
    }
    let trusted = joined(seen.keys().map(|name| visible(name)));
    let detail = format!("another root waits; trusted by {trusted}");
    Link::warn(NAME, detail, ground.typed.ours("ca rotate --finish"))
}

/// A VM that was not looked at: one whose tunnel reports, or any if none was.
fn unseen(ground: &Ground, seen: &Guests) -> Option<String> {
    let tunnels = ground.status.as_ref().and_then(|status| status["tunnels"].as_array()).into_iter().flatten();
    let mut names = tunnels.filter_map(|tunnel| tunnel["instance"].as_str()).filter(|name| is_name(name));
    let unseen = names.find(|name| !seen.contains_key(*name)).map(str::to_owned);
    unseen.or_else(|| seen.is_empty().then(|| "INSTANCE".to_owned()))
}
