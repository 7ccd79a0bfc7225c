//! Programs in the folders of `PATH`.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The program that a shell would run.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    find_programs(name).into_iter().next()
}

/// All programs of this name. A folder that is not absolute depends on the current one, and is skipped.
pub(crate) fn find_programs(name: &str) -> Vec<PathBuf> {
    programs_in(&env::var_os("PATH").unwrap_or_default(), name)
}

fn programs_in(path: &OsStr, name: &str) -> Vec<PathBuf> {
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).filter(|file| is_program(file)).collect()
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_absolute_folders_only() {
        for (path, found) in [("nowhere:/bin", vec!["/bin/sh"]), (":.:/nowhere", vec![]), ("", vec![])] {
            let found: Vec<PathBuf> = found.into_iter().map(PathBuf::from).collect();
            assert_eq!(programs_in(path.as_ref(), "sh"), found, "{path}");
        }
    }
}
