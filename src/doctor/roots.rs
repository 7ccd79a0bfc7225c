//! The certificate authority: the current root and the next root.

use std::io::ErrorKind;

use actors::folder::FolderError;
use actors::hint::Hint;
use actors::tunnels::report::is_name;
use actors::{RootCertificate, RootError, Roots};
use time::OffsetDateTime;

use super::{Installation, Link};
use crate::settings::joined;
use crate::terminal::escape::visible;
use crate::terminal::hints::quoted;
use crate::vm::trust::{self, Guests};

/// A root that expires sooner gets a warning: every VM needs another one first.
const DAYS_LEFT_MIN: i64 = 90;
const EXPORT: &str = "ca export > secret-proxy-ca.pem";

pub(super) fn in_use(installation: &Installation) -> Link {
    const NAME: &str = "ca";
    let folder = installation.folder.authority();
    match Roots::check(&installation.folder) {
        Ok(root) => valid(&root),
        Err(error @ RootError::Missing(_)) => match &installation.status {
            None => Link::warn(NAME, error.to_string(), installation.start()),
            Some(status) => {
                let detail = format!("{} is gone: the daemon makes another when it starts again", folder.display());
                Link::fail(NAME, detail, installation.restart(status))
            }
        },
        Err(error @ RootError::KeyExposed(..)) => {
            let path = installation.folder.authority().join("ca-key.pem");
            let fix = format!(
                "chmod 600 {}   # if they have read it: {}",
                quoted(&path),
                installation.hints.command("ca rotate")
            );
            Link::fail(NAME, error.to_string(), fix)
        }
        Err(RootError::Folder(error)) if is_denied(&error) => {
            let fix = format!("chmod -R u+rwX {}", quoted(&folder));
            Link::fail(NAME, format!("{}: permission denied", folder.display()), fix)
        }
        Err(error) => {
            let another = format!(
                "{} && {}",
                installation.hints.command("ca rotate"),
                installation.hints.command("ca rotate --finish --force")
            );
            Link::fail(NAME, error.to_string(), format!("{another}   # and bring it to the VMs"))
        }
    }
}

fn is_denied(error: &FolderError) -> bool {
    matches!(error, FolderError::Io(_, error) if error.kind() == ErrorKind::PermissionDenied)
}

fn valid(root: &RootCertificate) -> Link {
    const NAME: &str = "ca";
    let now = OffsetDateTime::now_utc();
    let (age, left) = ((now - root.made).whole_days(), (root.ends - now).whole_days());
    let detail = format!("{}, made {age} days ago, valid for {left} days", root.fingerprint);
    if left < DAYS_LEFT_MIN { Link::warn(NAME, detail, Hint::run("ca rotate")) } else { Link::ok(NAME, detail) }
}

/// Whether there is a next root, and whether the daemon signs with the root in the folder.
pub(super) fn rotation(installation: &Installation) -> Link {
    const NAME: &str = "rotation";
    let Ok(roots) = Roots::read(&installation.folder) else {
        return Link::not_looked_at(NAME, "the current root is not well");
    };
    let signs = installation.status.as_ref().map(|status| status.ca.fingerprint.as_str());
    if let Some(other) = signs.filter(|signs| *signs != roots.in_use.fingerprint) {
        let detail = format!("the daemon signs with another root than the one in ca: {}", visible(other));
        return Link::fail(NAME, detail, Hint::run("ca rotate --finish"));
    }
    match roots.next {
        None => Link::ok(NAME, "there is no next root"),
        Some(Err(error)) => {
            let next = quoted(&installation.folder.next_authority());
            Link::fail(NAME, error.to_string(), format!("rm -r {next} && {}", installation.hints.command("ca rotate")))
        }
        Some(Ok(_)) if roots.exported.is_none() => {
            Link::warn(NAME, "there is a next root, which was never exported", Hint::run(EXPORT))
        }
        Some(Ok(next)) => waiting(installation, &next),
    }
}

fn waiting(installation: &Installation, next: &RootCertificate) -> Link {
    const NAME: &str = "rotation";
    let seen = trust::read(&installation.folder);
    let without = seen.iter().filter(|(_, guest)| !guest.trusts.contains(&next.fingerprint));
    let without: Vec<String> = without.map(|(name, _)| visible(name)).collect();
    if !without.is_empty() {
        let detail = format!("there is a next root, not trusted yet by {}", joined(without));
        return Link::warn(NAME, detail, Hint::run(EXPORT));
    }
    // Switching now would cut off every VM that does not trust it.
    if let Some(name) = unseen(installation, &seen) {
        let detail = format!("there is a next root; it is not known whether {name} trusts it");
        return Link::warn(NAME, detail, Hint::run(format!("doctor {name}")));
    }
    let trusted = joined(seen.keys().map(|name| visible(name)));
    let detail = format!("there is a next root; trusted by {trusted}");
    Link::warn(NAME, detail, Hint::run("ca rotate --finish"))
}

/// A VM that was not checked: one whose tunnel reports, or any if none was.
fn unseen(installation: &Installation, seen: &Guests) -> Option<String> {
    let tunnels = installation.status.iter().flat_map(|status| &status.tunnels);
    let mut names = tunnels.map(|tunnel| tunnel.instance.as_str()).filter(|name| is_name(name));
    let unseen = names.find(|name| !seen.contains_key(*name)).map(str::to_owned);
    unseen.or_else(|| seen.is_empty().then(|| "VM".to_owned()))
}
