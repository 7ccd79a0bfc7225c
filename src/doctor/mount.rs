//! The secrets file: its state and its list. A pipe is opened only with `--read-mount`.

use std::path::Path;

use actors::hint::Hint;
use actors::settings::SecretStoreSettings;
use actors::{MountError, MountKind, UnsafeMount};
use policy::secrets::lint::{Lint, Problem, Severity};

use super::files::{edit, is_own_and_shut, without_settings};
use super::{Installation, Link};
use crate::secrets_file;
use crate::terminal::hints::quoted;

const SOURCE: &str = "secrets";
const LISTS: &str = "allowlist";

pub(super) fn links(installation: &Installation) -> [Link; 2] {
    let settings = match &installation.settings {
        Ok(run) => &run.tree.secret_store,
        Err(failure) => return [SOURCE, LISTS].map(|name| without_settings(name, failure)),
    };
    let Some(path) = secrets_file::path_of(&settings.source) else { return program(installation, settings) };
    let unread = || Link::not_looked_at(LISTS, "there is nothing to read");
    match actors::look_at_mount(path) {
        Err(trouble) => [unusable(path, &trouble), unread()],
        Ok(MountKind::Pipe) if !installation.reads_pipe => {
            let fix = Hint::run("doctor --read-mount");
            let lists = "not looked at: a pipe is not opened unless you ask for it";
            [pipe(installation, path), Link { fix: Some(fix), ..Link::ok(LISTS, lists) }]
        }
        Ok(mount) => match secrets_file::read(&settings.source, &settings.one_password) {
            Ok(lint) => [readable(path, mount), lists(installation, &edit(path), &lint)],
            Err(unread_why) => {
                let fix = if is_own_and_shut(path) {
                    format!("chmod 600 {}", quoted(path))
                } else {
                    format!("{}   # {}", installation.hints.command("reload"), installation.hints.step(&unread_why.fix))
                };
                [Link::fail(SOURCE, format!("{}: {}", path.display(), unread_why.problem), fix), unread()]
            }
        },
    }
}

/// A program is run only if that is asked for: each run may cost a quota.
fn program(installation: &Installation, settings: &SecretStoreSettings) -> [Link; 2] {
    let source = &settings.source;
    if !installation.reads_pipe {
        let state = installation.status.as_ref().map_or("the daemon does not run", |it| it.secrets.state.as_str());
        let lists = Link::ok(LISTS, "not looked at: a program is not run unless you ask for it");
        let fix = Some(Hint::run("doctor --read-mount"));
        return [Link::ok(SOURCE, format!("{source} ({state})")), Link { fix, ..lists }];
    }
    match secrets_file::read(source, &settings.one_password) {
        Ok(lint) => {
            let lists = lists(installation, &format!("change what {source} gives"), &lint);
            [Link::ok(SOURCE, format!("{source}, which was read")), lists]
        }
        Err(why) => {
            let fix = installation.hints.step(&why.fix).into_owned();
            [
                Link::fail(SOURCE, format!("{source}: {}", why.problem), fix),
                Link::not_looked_at(LISTS, "there is nothing to read"),
            ]
        }
    }
}

fn readable(path: &Path, mount: MountKind) -> Link {
    let path = path.display();
    match mount {
        MountKind::File => Link::ok(SOURCE, format!("{path}, a file of yours alone (plain text on disk)")),
        MountKind::Pipe => Link::ok(SOURCE, format!("{path}, a pipe that was served")),
    }
}

fn unusable(path: &Path, trouble: &MountError) -> Link {
    let (shown, typed) = (path.display(), quoted(path));
    let fix = match trouble {
        MountError::Missing => format!("(umask 077; {})   # or mount it in 1Password", edit(path)),
        MountError::Unsafe(UnsafeMount::OpenFile | UnsafeMount::OpenPipe) | MountError::Denied => {
            format!("chmod 600 {typed}")
        }
        MountError::Unsafe(UnsafeMount::OpenProgram) => format!("chmod go-w {typed}"),
        MountError::Unsafe(UnsafeMount::OtherOwner) => format!("sudo chown \"$(id -un)\" {typed}"),
        // Whatever it is, it may be somebody's: it is moved, not removed.
        MountError::Unsafe(UnsafeMount::Link | UnsafeMount::OtherKind) => format!("mv {typed} {typed}.aside"),
        MountError::Unsafe(UnsafeMount::NoProgram)
        | MountError::TooLarge
        | MountError::Program(_)
        | MountError::Other(_) => format!("ls -l {typed}"),
    };
    let what = match trouble {
        MountError::Missing => "is not there".to_owned(),
        MountError::Unsafe(reason) => format!("is not safe to use: {reason}"),
        MountError::TooLarge | MountError::Denied | MountError::Program(_) | MountError::Other(_) => {
            trouble.to_string()
        }
    };
    Link::fail(SOURCE, format!("{shown} {what}"), fix)
}

/// What the daemon has seen of it is all that is known.
fn pipe(installation: &Installation, path: &Path) -> Link {
    let state = installation.status.as_ref().map(|status| status.secrets.state.as_str());
    let shown = path.display();
    match state {
        Some("ready" | "idle") | None => {
            Link::ok(SOURCE, format!("{shown}, a pipe ({})", state.unwrap_or("the daemon does not run")))
        }
        Some(state @ ("malformed" | "unsafe")) => {
            Link::fail(SOURCE, format!("{shown}, a pipe ({state})"), Hint::run("check"))
        }
        Some(state) => {
            let fix = format!("{}   # with 1Password unlocked", installation.hints.command("reload"));
            Link::fail(SOURCE, format!("{shown}, a pipe ({state})"), fix)
        }
    }
}

fn lists(installation: &Installation, edit: &str, lint: &Lint) -> Link {
    let secrets = lint.secrets();
    let usable = secrets.iter().filter(|(_, secret)| secret.is_usable()).count();
    let fix = |problem: &Problem| format!("{edit}   # {}", problem.fix());
    let told = |problem: &Problem, severity| {
        let name = problem.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        let more = lint.count(severity) - 1;
        let more =
            if more == 0 { String::new() } else { format!("; {more} more: {}", installation.hints.command("check")) };
        format!("line {}: {name}{}{more}", problem.line, problem.kind)
    };
    let worst = |severity| lint.problems().iter().find(|problem| problem.kind.severity() == severity);
    if let Some(problem) = worst(Severity::Error) {
        return Link::fail(LISTS, told(problem, Severity::Error), fix(problem));
    }
    if let Some(problem) = worst(Severity::Warning) {
        return Link::warn(LISTS, told(problem, Severity::Warning), fix(problem));
    }
    if secrets.is_empty() {
        return Link::warn(LISTS, "there is no secret in it", edit.to_owned());
    }
    Link::ok(LISTS, format!("{usable} of {} secrets can be used, each at its own hosts", secrets.len()))
}
