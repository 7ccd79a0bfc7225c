//! The folder, and the settings in it.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use actors::folder::{Folder, is_open_to_others, is_own};
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::{Installation, Link};
use crate::daemon::logging;
use crate::terminal::escape::visible;
use crate::terminal::failure::Failure;
use crate::terminal::hints::{quoted, shell};

/// Private files in it. The key and the secrets have links of their own.
const PRIVATE: [&str; 4] = ["audit.log", "proxy.log", "settings.env", "guests.json"];

/// Whether only this user can access it.
pub(super) fn folder(installation: &Installation) -> Link {
    const NAME: &str = "folder";
    let path = installation.folder.path();
    let (shown, typed) = (path.display(), quoted(path));
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return shut_off(path),
        Err(_) => return Link::fail(NAME, format!("{shown} is not there"), format!("mkdir -p -m 700 {typed}")),
    };
    if !found.is_dir() {
        return Link::fail(NAME, format!("{shown} is not a folder"), format!("mv {typed} {typed}.aside"));
    }
    if !is_own(&found) {
        let fix = format!("sudo chown -R \"$(id -un)\" {typed}");
        return Link::fail(NAME, format!("{shown} belongs to another user"), fix);
    }
    if is_shut(&installation.folder) {
        let mode = found.mode() & 0o777;
        return Link::fail(NAME, format!("{shown}: permission denied (mode {mode:o})"), format!("chmod 700 {typed}"));
    }
    if is_open_to_others(&found) {
        let mode = found.mode() & 0o777;
        return Link::fail(NAME, format!("{shown} is open to others (mode {mode:o})"), format!("chmod 700 {typed}"));
    }
    let open: Vec<PathBuf> = PRIVATE.iter().map(|name| path.join(name)).filter(is_open_file).collect();
    if open.is_empty() {
        return Link::ok(NAME, format!("{shown} is yours alone"));
    }
    let all = open.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(" ");
    Link::warn(NAME, format!("{shown} has files that are open to others"), format!("chmod 600 {all}"))
}

/// Whether this user has no access to it.
pub(super) fn is_shut(folder: &Folder) -> bool {
    access(folder.path(), Access::READ_OK | Access::EXEC_OK) == Err(Errno::ACCESS)
}

/// Whether it is a file of this user whose mode alone denies access.
pub(super) fn is_own_and_shut(path: &Path) -> bool {
    let own = |found: Metadata| found.is_file() && is_own(&found);
    fs::symlink_metadata(path).is_ok_and(own) && access(path, Access::READ_OK | Access::WRITE_OK) == Err(Errno::ACCESS)
}

/// A folder above denies access: the innermost one that is visible.
fn shut_off(path: &Path) -> Link {
    let above = path.ancestors().find(|above| above.symlink_metadata().is_ok()).unwrap_or(path);
    let (shown, typed) = (path.display(), quoted(above));
    let detail = format!("{shown}: permission denied");
    let own = above.metadata().is_ok_and(|found| is_own(&found));
    let fix = if own {
        format!("chmod u+rwx {typed}")
    } else {
        format!("ls -ld {typed}   # become its owner, or name another folder with --dir")
    };
    Link::fail("folder", detail, fix)
}

fn is_open_file(path: &PathBuf) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && is_open_to_others(&found))
}

/// Whether `run` would accept all of them.
pub(super) fn settings(installation: &Installation) -> Link {
    const NAME: &str = "settings";
    let file = installation.folder.path().join("settings.env");
    let fail = |failure: &Failure| Link::fail(NAME, shown(failure), fix(failure, &file));
    match installation.settings.as_ref().map(|run| logging::filter(&run.log)) {
        Err(failure) => fail(failure),
        Ok(Err(failure)) => fail(&failure),
        Ok(Ok(_)) if file.exists() => Link::ok(NAME, format!("{} is valid", file.display())),
        Ok(Ok(_)) => Link::ok(NAME, "the defaults; there is no settings.env"),
    }
}

fn shown(failure: &Failure) -> String {
    visible(failure.to_string().trim())
}

/// Corrects the setting where it stands: in a variable of this shell, or in the file.
fn fix(failure: &Failure, file: &Path) -> String {
    match failure.variable().filter(|name| std::env::var_os(name).is_some()) {
        Some(name) => format!("unset {}", shell(name)),
        None if is_own_and_shut(file) => format!("chmod 600 {}", quoted(file)),
        // An editor would wait for a pipe, too.
        None if fs::metadata(file).is_ok_and(|found| !found.is_file()) => format!("mv {0} {0}.aside", quoted(file)),
        None => edit(file),
    }
}

/// Opens a file in the user's editor.
pub(super) fn edit(file: &Path) -> String {
    format!("${{EDITOR:-vi}} {}", quoted(file))
}

/// The settings cannot be read, which has a link of its own.
pub(super) fn without_settings(name: &'static str, _: &Failure) -> Link {
    Link::not_looked_at(name, "the settings cannot be read")
}
