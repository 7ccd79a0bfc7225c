//! Where things are on this computer: the program, the home folder, `ssh` and `limactl`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::terminal::failure::Failure;

/// Where `ssh` and `limactl` usually are. launchd itself knows only the last four.
const USUAL: [&str; 6] = ["/opt/homebrew/bin", "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/// What is there goes with the next garbage collection.
const NIX_STORE: &str = "/nix/store";

/// The folders of this user that launchd and systemd look into.
pub(crate) struct Home {
    home: PathBuf,
    config: PathBuf,
}

impl Home {
    pub(crate) fn find() -> Result<Self, Failure> {
        let strategy = etcetera::choose_base_strategy();
        let strategy = strategy.map_err(|_| Failure::usage("there is no home folder: set HOME"))?;
        Ok(Self { home: strategy.home_dir().to_owned(), config: strategy.config_dir() })
    }

    pub(super) fn agents(&self) -> PathBuf {
        self.home.join("Library/LaunchAgents")
    }

    pub(super) fn units(&self) -> PathBuf {
        self.config.join("systemd/user")
    }
}

/// A path of this program that leads to its next version after an update: as it was called, or as it is
/// found, and not where links end.
pub(crate) fn program() -> Result<PathBuf, Failure> {
    let real = env::current_exe().and_then(|path| path.canonicalize());
    let real = real.map_err(|error| Failure::not_well(format!("where this program is cannot be told: {error}")))?;
    let called = env::args_os().next().unwrap_or_default();
    let same = |path: &PathBuf| path.canonicalize().is_ok_and(|found| found == real);
    let kept = |path: &PathBuf| path.is_absolute() && !path.starts_with(NIX_STORE);
    let mut places = as_called(&called).into_iter().chain(on_path("secret-proxy")).chain([real.clone()]);
    places.find(|path| kept(path) && same(path)).ok_or_else(|| {
        Failure::usage(format!(
            "{} goes with the next garbage collection: put it into a profile with nix profile install, or use the \
             modules in nix/",
            real.display()
        ))
    })
}

/// The path that was written, if one was and not a name alone.
fn as_called(called: &OsString) -> Option<PathBuf> {
    let path = Path::new(called);
    (path.components().count() > 1).then(|| std::path::absolute(path).ok()).flatten()
}

/// Everywhere on `PATH`.
fn on_path(name: &str) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .filter(|file| file.is_absolute() && file.is_file())
        .collect()
}

/// The folders where tunnels look for `ssh` and `limactl`: where they are now, then the usual ones.
pub(crate) fn search_path() -> String {
    let found = ["limactl", "ssh"].into_iter().filter_map(|name| on_path(name).into_iter().next());
    let found = found.filter_map(|file| Some(file.parent()?.to_str()?.to_owned()));
    let mut folders: Vec<String> = found.filter(|folder| !folder.starts_with(NIX_STORE)).collect();
    folders.extend(USUAL.map(str::to_owned));
    let mut seen = Vec::new();
    folders.retain(|folder| {
        !seen.contains(folder) && {
            seen.push(folder.clone());
            true
        }
    });
    folders.join(":")
}

/// Whether Lima's command is to be found.
pub(crate) fn has_lima() -> bool {
    !on_path("limactl").is_empty()
}
