//! `ca show`: both roots, and the VMs that are known to trust them.

use actors::clock::to_second;
use actors::folder::Folder;
use actors::status::Report;
use actors::{RootCertificate, Roots};
use time::OffsetDateTime;

use super::error::unusable;
use super::export::EXPORT;
use crate::control;
use crate::settings;
use crate::terminal::escape::visible;
use crate::terminal::failure::Failure;
use crate::vm::trust::{self, Guest};

pub(super) fn main(folder: &Folder) -> Result<(), Failure> {
    let roots = Roots::read(folder).map_err(|error| unusable(folder, error))?;
    let hints = settings::hints(folder);
    let status = control::status(folder).ok();
    root("file", &folder.authority(), &roots.in_use);
    let signs = status.as_ref().map(|status| status.ca.fingerprint.as_str());
    if let Some(other) = signs.filter(|signs| *signs != roots.in_use.fingerprint) {
        out!("daemon       signs with another root, {}: {}", visible(other), hints.command("ca rotate --finish"));
    }
    let Some(next) = roots.next else { return Ok(()) };
    out!("");
    let next = next.map_err(|error| unusable(folder, error))?;
    root("next", &folder.next_authority(), &next);
    match roots.exported {
        Some(time) => out!("exported     {}", to_second(time)),
        None => out!("exported     never: {}", hints.command(EXPORT)),
    }
    let names = tunnels(status.as_ref());
    vms(folder, &roots.in_use, &next, &names);
    out!("then         {}", hints.command("ca rotate --finish"));
    Ok(())
}

fn root(name: &str, folder: &std::path::Path, root: &RootCertificate) {
    let days = (OffsetDateTime::now_utc() - root.made).whole_days();
    out!("{name:12} {}", folder.join("ca-cert.pem").display());
    out!("fingerprint  {} (SHA-256)", root.fingerprint);
    out!("made         {}, {days} days ago", to_second(root.made));
    out!("valid until  {}", root.not_after);
}

/// VMs that the running daemon knows of.
fn tunnels(status: Option<&Report>) -> Vec<String> {
    status.iter().flat_map(|status| &status.tunnels).map(|tunnel| tunnel.instance.clone()).collect()
}

/// Only `doctor` finds out, and only for the moment when it ran.
fn vms(folder: &Folder, in_use: &RootCertificate, next: &RootCertificate, tunnels: &[String]) {
    let (seen, hints) = (trust::read(folder), settings::hints(folder));
    for (name, guest) in &seen {
        out!("VM           {}: {}, when doctor last ran ({})", visible(name), trust(guest, in_use, next), guest.seen);
    }
    for name in tunnels.iter().filter(|name| !seen.contains_key(*name)) {
        let name = visible(name);
        out!("VM           {name}: not known; to check: {}", hints.command(&format!("doctor {name}")));
    }
    if seen.is_empty() && tunnels.is_empty() {
        out!("VM           none is known; to check which roots a VM trusts: {}", hints.command("doctor VM"));
    }
}

fn trust(guest: &Guest, in_use: &RootCertificate, next: &RootCertificate) -> &'static str {
    match [in_use, next].map(|root| guest.trusts.contains(&root.fingerprint)) {
        [true, true] => "trusts both roots",
        [true, false] => "needs the next root",
        [false, true] => "trusts the next root alone",
        [false, false] => "trusts neither root",
    }
}
