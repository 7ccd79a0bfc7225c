//! Paths on this computer: the program, the home folder, `ssh` and `limactl`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::programs::{find_program, find_programs};
use crate::terminal::failure::Failure;

/// Where `ssh` and `limactl` usually are. launchd itself knows only the last four.
const USUAL: [&str; 6] = ["/opt/homebrew/bin", "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/// Garbage collection removes what only this folder holds.
const NIX_STORE: &str = "/nix/store";

/// The folders of this user that launchd and systemd look into.
pub(crate) struct Home {
    home: PathBuf,
    config: PathBuf,
}

impl Home {
    pub(crate) fn find() -> Result<Self, Failure> {
        let strategy = etcetera::choose_base_strategy();
        let strategy = strategy.map_err(|_| Failure::usage("there is no home folder").hint("set HOME"))?;
        Ok(Self { home: strategy.home_dir().to_owned(), config: strategy.config_dir() })
    }

    pub(super) fn agents(&self) -> PathBuf {
        self.home.join("Library/LaunchAgents")
    }

    pub(super) fn units(&self) -> PathBuf {
        self.config.join("systemd/user")
    }
}

/// A path of this program that leads to the next version after an update: as it was called, or as found on `PATH`,
/// and not the target of links.
pub(crate) fn program() -> Result<PathBuf, Failure> {
    let real = env::current_exe().and_then(|path| path.canonicalize());
    let real = real.map_err(|error| Failure::not_well(format!("cannot find the path of this program: {error}")))?;
    let called = env::args_os().next().unwrap_or_default();
    let same = |path: &PathBuf| path.canonicalize().is_ok_and(|found| found == real);
    let kept = |path: &PathBuf| path.is_absolute() && !path.starts_with(NIX_STORE);
    let mut places = as_called(&called).into_iter().chain(find_programs("secret-proxy")).chain([real.clone()]);
    places.find(|path| kept(path) && same(path)).ok_or_else(|| {
        Failure::usage(format!("the next garbage collection removes {}", real.display()))
            .hint("put it into a profile with nix profile install, or use the modules in nix/")
    })
}

/// The path that the program was called by, if it was no bare name.
fn as_called(called: &OsString) -> Option<PathBuf> {
    let path = Path::new(called);
    (path.components().count() > 1).then(|| std::path::absolute(path).ok()).flatten()
}

/// The folders where tunnels look for `ssh` and `limactl`: where they are now, then the usual ones.
pub(crate) fn search_path() -> String {
    let found = ["limactl", "ssh"].into_iter().filter_map(find_program);
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

/// Whether Lima's command is on `PATH`.
pub(crate) fn has_lima() -> bool {
    find_program("limactl").is_some()
}
