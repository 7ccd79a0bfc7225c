//! The VM: connection, proxy variables, trust in our root, clock, port and mounts.
//!
//! The VM is hostile: its output is bounded, compared, and shown only in words of ours or with its controls escaped.

mod report;

use std::collections::BTreeSet;

use actors::Roots;
use actors::clock::now;
use actors::hint::Hint;
use time::OffsetDateTime;

use self::report::{PROXIES, Report, SCRIPT};
use super::ssh::Guest;
use super::{Installation, Link};
use crate::child::{End, Ran};
use crate::control::identify::is_ours;
use crate::settings::joined;
use crate::terminal::escape::visible;
use crate::vm::trust;

const REACHED: &str = "guest-ssh";
const VARIABLES: &str = "guest-variables";
const TRUST: &str = "guest-trust";
const CLOCK: &str = "guest-clock";
const PORT: &str = "guest-port";
const FOLDER: &str = "guest-folder";

/// Its answers when our folder is visible there, and when not.
const SEEN: [&str; 2] = ["secret-proxy-doctor seen", "secret-proxy-doctor unseen"];

/// Node has roots of its own, to which this adds.
const NODE: &str = "NODE_EXTRA_CA_CERTS";
/// Where variables of every login are, where there is no Nix.
const APPEND: &str = "'sudo tee -a /etc/environment >/dev/null'";

/// Leaves are valid from 48 hours ago; an hour is left for what comes next.
const BEHIND_MAX: i64 = 47 * 3600;
/// A leaf may end a day from now.
const AHEAD_MAX: i64 = 23 * 3600;
/// Clocks that differ by less are right.
const SECONDS_TOLERATED: u64 = 120;
/// What is shown of ssh's errors, in characters: they may be a hostile VM's.
const COMPLAINT_MAX: usize = 300;
/// Files of the VM that are named, and how much of each name.
const FILES_MAX: usize = 8;
const FILE_CHARACTERS_MAX: usize = 200;

pub(super) fn links(installation: &Installation, guest: &Guest) -> Vec<Link> {
    let before = OffsetDateTime::now_utc();
    let report = match reach(guest) {
        Ok(report) => report,
        Err(link) => {
            let rest =
                [VARIABLES, TRUST, CLOCK, PORT, FOLDER].map(|name| Link::not_looked_at(name, "the VM is not reached"));
            return std::iter::once(link).chain(rest).collect();
        }
    };
    let after = OffsetDateTime::now_utc();
    let reached = Link::ok(REACHED, format!("{} is reached", guest.name()));
    let port = report.port();
    vec![
        reached,
        variables(guest, &report),
        trust(installation, guest, &report),
        clock(guest, &report, before, after),
        answers(installation, guest, port),
        folder(installation, guest),
    ]
}

fn reach(guest: &Guest) -> Result<Report, Link> {
    let start = guest.instance().map(|instance| format!("limactl start {instance}"));
    let fix = || start.clone().unwrap_or_else(|| guest.shell_line("true"));
    if !guest.is_known() {
        return Err(Link::fail(REACHED, format!("there is no ssh configuration for {}", guest.name()), fix()));
    }
    let ran = guest
        .run(SCRIPT)
        .map_err(|error| Link::fail(REACHED, format!("cannot start ssh: {}", error.kind()), "command -v ssh"))?;
    match Report::read(&ran.stdout) {
        Some(report) => Ok(report),
        None if ran.end == End::TimedOut => {
            Err(Link::fail(REACHED, format!("{} does not answer in time", guest.name()), fix()))
        }
        None => {
            let complaint = visible(&complaint(&ran));
            Err(Link::fail(REACHED, format!("{} cannot be reached: {complaint}", guest.name()), fix()))
        }
    }
}

/// The last line of ssh's errors.
fn complaint(ran: &Ran) -> String {
    let text = ran.stderr();
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    last.chars().take(COMPLAINT_MAX).collect()
}

/// Programs differ in which letter case they read.
fn variables(guest: &Guest, report: &Report) -> Link {
    let port = report.port();
    let wrong: Vec<&str> = PROXIES.into_iter().filter(|name| !report.leads_to_port(name, port)).collect();
    if wrong.is_empty() {
        return Link::ok(VARIABLES, format!("{} lead to port {port} there", joined(PROXIES)));
    }
    let detail =
        format!("{} {} not lead to port {port} there", joined(&wrong), if wrong.len() == 1 { "does" } else { "do" });
    if report.is_nixos {
        let fix = guest.shell_line("'sudo nixos-rebuild switch'");
        return Link::fail(VARIABLES, detail, format!("{fix}   # with services.secret-proxy-client.enable = true"));
    }
    let lines: Vec<String> = wrong.iter().map(|name| format!("{name}=http://127.0.0.1:{port}")).collect();
    Link::fail(VARIABLES, detail, format!("printf '%s\\n' {} | {}", lines.join(" "), guest.shell_line(APPEND)))
}

/// Whether its programs trust our root and the next one; `ca show` then knows, too.
fn trust(installation: &Installation, guest: &Guest, report: &Report) -> Link {
    let Ok(roots) = Roots::read(&installation.folder) else { return Link::not_looked_at(TRUST, "the CA is not well") };
    let trusted: BTreeSet<&String> = report.trusted_everywhere();
    let next = roots.next.and_then(Result::ok);
    let ours = std::iter::once(&roots.in_use).chain(next.as_ref()).map(|root| &root.fingerprint);
    let trusts: Vec<String> = ours.filter(|print| trusted.contains(print)).cloned().collect();
    // Only `ca show` would miss it.
    let _ = trust::note(&installation.folder, guest.name(), trust::Guest { seen: now(), trusts });

    let fix = bring(installation, guest, report);
    let without = report.without(&roots.in_use.fingerprint);
    if !without.is_empty() {
        return Link::fail(TRUST, format!("our root is not in {}", named(without)), fix);
    }
    if let Some(next) = next
        && let Some(file) = report.without(&next.fingerprint).first()
    {
        return Link::warn(TRUST, format!("our root is trusted, the next one is not in {}", named([file])), fix);
    }
    if !report.has_variable(NODE) {
        let lines = format!("echo {NODE}=/usr/local/share/ca-certificates/secret-proxy.crt");
        let fix = if report.is_nixos { fix } else { format!("{lines} | {}", guest.shell_line(APPEND)) };
        return Link::warn(TRUST, format!("our root is trusted, but {NODE} is not set for Node"), fix);
    }
    Link::ok(TRUST, format!("our root is in {}", named(report.files())))
}

/// Files by the names that the VM has for them: it may say thousands, of any length.
fn named(files: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut files = files.into_iter();
    let short = |file: &str| visible(&file.chars().take(FILE_CHARACTERS_MAX).collect::<String>());
    let mut named: Vec<String> = files.by_ref().take(FILES_MAX).map(|file| short(file.as_ref())).collect();
    let more = files.count();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    joined(named)
}

/// Installs our root there, as the setup guide does.
fn bring(installation: &Installation, guest: &Guest, report: &Report) -> String {
    if report.is_nixos {
        let export = installation.hints.command("ca export > secret-proxy-ca.pem");
        return format!(
            "{export}   # where services.secret-proxy-client.caFile leads; then nixos-rebuild switch there"
        );
    }
    let install =
        "'sudo tee /usr/local/share/ca-certificates/secret-proxy.crt >/dev/null && sudo update-ca-certificates'";
    format!("{} | {}", installation.hints.command("ca export"), guest.shell_line(install))
}

fn clock(guest: &Guest, report: &Report, before: OffsetDateTime, after: OffsetDateTime) -> Link {
    let Some(time) = report.time else { return Link::not_looked_at(CLOCK, "the VM does not report its time") };
    // The VM read its clock at some time between the two.
    let [since_after, since_before] = [after, before].map(|ours| time.saturating_sub(ours.unix_timestamp()));
    let ahead = since_after.max(0).saturating_add(since_before.min(0));
    let fix = guest.shell_line("\"sudo date -s @$(date +%s)\"");
    let way = if ahead < 0 { "behind" } else { "ahead" };
    let detail = format!("it is {} s {way}", ahead.unsigned_abs());
    if !(-BEHIND_MAX..=AHEAD_MAX).contains(&ahead) {
        return Link::fail(CLOCK, format!("{detail}: our certificates are not valid there"), fix);
    }
    if ahead.unsigned_abs() > SECONDS_TOLERATED { Link::warn(CLOCK, detail, fix) } else { Link::ok(CLOCK, "as here") }
}

/// Whether a request from there gets to the proxy's port and back.
fn answers(installation: &Installation, guest: &Guest, port: u16) -> Link {
    if installation.status.is_none() {
        return Link::not_looked_at(PORT, "the daemon does not run");
    }
    let fix = Hint::run(guest.tunnel());
    match guest.ask_port(port) {
        Ok(ran) if is_ours(&ran.stdout) => Link::ok(PORT, format!("127.0.0.1:{port} there leads to a secret-proxy")),
        Ok(ran) if !ran.stdout.is_empty() => {
            let who = guest.shell_line(&format!("'sudo ss -ltnp sport = :{port}'"));
            Link::fail(PORT, format!("something else answers on 127.0.0.1:{port} there"), who)
        }
        Ok(ran) if ran.end == End::TimedOut => {
            Link::fail(PORT, format!("127.0.0.1:{port} there does not answer in time"), fix)
        }
        Ok(_) => Link::fail(PORT, format!("nobody answers on 127.0.0.1:{port} there"), fix),
        Err(error) => Link::fail(PORT, format!("cannot start ssh: {}", error.kind()), "command -v ssh"),
    }
}

/// By default Lima mounts the home folder in a VM at the same path: it holds the CA's key, and maybe secrets.
fn folder(installation: &Installation, guest: &Guest) -> Link {
    let path = installation.folder.path().to_string_lossy();
    if path.contains(['\'', '"', '$', '`', '\\']) {
        return Link::not_looked_at(FOLDER, "the folder's path cannot be asked for there");
    }
    let [seen, unseen] = SEEN;
    let ran = guest.run(&format!("test -e \"{path}\" && echo {seen} || echo {unseen}"));
    let said = ran.map(|ran| String::from_utf8_lossy(&ran.stdout).into_owned()).unwrap_or_default();
    if said.lines().any(|line| line == seen) {
        let fix = guest.instance().map_or_else(
            || "remove the mount where the VM is configured".to_owned(),
            |vm| {
                format!("limactl stop {vm} && limactl edit {vm} --tty=false --set '.mounts = []' && limactl start {vm}")
            },
        );
        return Link::fail(
            FOLDER,
            format!("the VM can see {path}: the key of the CA, the audit trail, plain secrets"),
            fix,
        );
    }
    if !said.lines().any(|line| line == unseen) {
        return Link::not_looked_at(FOLDER, "the VM does not report what it can see");
    }
    Link::ok(FOLDER, "the VM cannot see our folder")
}
