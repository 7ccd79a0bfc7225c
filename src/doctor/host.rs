//! The trusted roots and the clock of this computer.

use actors::Roots;
use actors::clock::to_second;
use actors::trail::last_line;
use policy::record::Record;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::files::{edit, without_settings};
use super::{Installation, Link};

/// Clocks that differ by less are right.
const TOLERANCE: Duration = Duration::minutes(5);

/// Whether servers can be verified at all.
pub(super) fn upstream_roots(installation: &Installation) -> Link {
    const NAME: &str = "upstream-roots";
    let run = match &installation.settings {
        Ok(run) => run,
        Err(failure) => return without_settings(NAME, failure),
    };
    match actors::count_roots(run.tree.upstream.ca.as_deref()) {
        Ok(0) => Link::fail(NAME, "no root certificate is trusted: no server can be verified", install_roots()),
        Ok(count) => Link::ok(NAME, format!("servers are verified by {count} roots")),
        Err(error) => {
            let is_variable = std::env::var_os("SECRET_PROXY_UPSTREAM_CA").is_some();
            let file = installation.folder.path().join("settings.env");
            let fix = if is_variable { "unset SECRET_PROXY_UPSTREAM_CA".to_owned() } else { edit(&file) };
            Link::fail(NAME, error.to_string(), fix)
        }
    }
}

fn install_roots() -> &'static str {
    if cfg!(target_os = "macos") {
        "open -b com.apple.keychainaccess   # System Roots must be there"
    } else {
        "sudo apt-get install ca-certificates"
    }
}

/// A clock that is behind past events makes certificates that are not valid yet.
pub(super) fn clock(installation: &Installation) -> Link {
    const NAME: &str = "clock";
    let now = OffsetDateTime::now_utc();
    let made = Roots::read(&installation.folder).ok().map(|roots| (roots.in_use.made, "the CA was made"));
    let recorded = last_record(installation).map(|time| (time, "the last record was written"));
    let latest = made.into_iter().chain(recorded).max_by_key(|(time, _)| *time);
    let shown = to_second(now);
    match latest.filter(|(time, _)| *time > now + TOLERANCE) {
        Some((time, what)) => {
            let detail = format!("it is {shown} here, but {what} at {}", to_second(time));
            Link::fail(NAME, detail, set_clock())
        }
        None => Link::ok(NAME, shown),
    }
}

fn set_clock() -> &'static str {
    if cfg!(target_os = "macos") { "sudo sntp -sS time.apple.com" } else { "sudo timedatectl set-ntp true" }
}

fn last_record(installation: &Installation) -> Option<OffsetDateTime> {
    let line = last_line(&installation.folder.audit()).ok()??;
    OffsetDateTime::parse(&Record::read(&line)?.timestamp, &Rfc3339).ok()
}
