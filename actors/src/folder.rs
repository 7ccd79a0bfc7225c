//! The folder of our own files, and the rules for them.
//!
//! Files are made with their final mode. A wrong owner, or a key that others can read, is refused. A folder or log of
//! ours that is too open is tightened, because the script that we replace left them so. The last component of a path
//! is never followed if it is a link.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::hint::{Advise, Hint};

/// Files that identify a folder of ours.
const OURS: [&str; 6] = ["secrets.env", "settings.env", "audit.log", "proxy.log", "ca", "lock"];

/// The folder, its path resolved once.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// Why a folder or file of ours cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system refused it.
    #[error("{}: {}", .0.display(), .1.kind())]
    Io(PathBuf, io::Error),
    /// It belongs to another user.
    #[error("{} belongs to another user", .0.display())]
    NotOurs(PathBuf),
    /// It is not what it should be.
    #[error("{} is not a {kind}", .0.display(), kind = .1)]
    NotA(PathBuf, &'static str),
    /// Others can read it, and it holds files of others: tightening it would lock them.
    #[error("{} can be read by others and holds files of other programs", .0.display())]
    NotAlone(PathBuf),
    /// Another daemon works on the folder.
    #[error("another secret-proxy already runs on {} (pid {pid})", .0.display(), pid = .1)]
    InUse(PathBuf, String),
    /// Another keeper works on the tunnel.
    #[error("another secret-proxy already keeps the tunnel into {0} (pid {1})")]
    TunnelInUse(String, String),
}

impl Advise for FolderError {
    fn hints(&self) -> Vec<Hint> {
        let hint = match self {
            Self::Io(_, error) => io_hint(error.kind()),
            Self::NotOurs(_) => "choose another folder with --dir, or take it over with chown",
            Self::NotA(..) => "move it away",
            Self::NotAlone(_) => "choose a folder for secret-proxy alone with --dir, or chmod 700 it",
            Self::InUse(..) => "stop it first, or give this one its own --dir",
            Self::TunnelInUse(..) => "stop it first",
        };
        vec![hint.into()]
    }
}

fn io_hint(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::PermissionDenied => "check its owner and mode, or choose another folder with --dir",
        io::ErrorKind::StorageFull => "free some space",
        _ => "choose another folder with --dir",
    }
}

impl Folder {
    /// Makes the folder if it is missing, and checks its owner and mode. The warnings name what was tightened.
    ///
    /// # Errors
    /// It cannot be made, is not a folder, or is not ours.
    pub fn open(path: &Path) -> Result<(Self, Vec<String>), FolderError> {
        make_folder(path)?;
        let path = fs::canonicalize(path).map_err(|error| FolderError::Io(path.into(), error))?;
        let folder = Self(path);
        let found = fs::symlink_metadata(&folder.0).map_err(|error| FolderError::Io(folder.0.clone(), error))?;
        if is_open_to_others(&found) && !folder.is_ours()? {
            return Err(FolderError::NotAlone(folder.0));
        }
        let mut warnings: Vec<String> = tighten(&folder.0, 0o700)?.into_iter().collect();
        for file in [folder.audit(), folder.proxy_log()] {
            // A link is not followed here: opening it is refused later.
            if fs::symlink_metadata(&file).is_ok_and(|found| found.is_file()) {
                warnings.extend(tighten(&file, 0o600)?);
            }
        }
        Ok((folder, warnings))
    }

    /// Whether it is empty or holds a file of ours, as the folder of the script that we replace does.
    fn is_ours(&self) -> Result<bool, FolderError> {
        let entries = fs::read_dir(&self.0).map_err(|error| FolderError::Io(self.0.clone(), error))?;
        let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        Ok(names.is_empty() || names.iter().any(|name| OURS.iter().any(|ours| name == ours)))
    }

    /// Names the folder without checking it, for commands that only read.
    pub fn at(path: &Path) -> Self {
        Self(fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()))
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The audit file.
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit.log")
    }

    /// The operational log.
    pub fn proxy_log(&self) -> PathBuf {
        self.0.join("proxy.log")
    }

    /// The folder of the certificate authority.
    pub fn authority(&self) -> PathBuf {
        self.0.join("ca")
    }

    /// The folder of the root that is used after that.
    pub fn next_authority(&self) -> PathBuf {
        self.0.join("ca-next")
    }

    /// The folder whose folders are namespaces.
    pub fn namespaces(&self) -> PathBuf {
        self.0.join("namespaces")
    }

    /// The status socket.
    pub fn status_socket(&self) -> PathBuf {
        self.0.join("status.sock")
    }

    /// Locks the folder for this process, until the file is dropped.
    ///
    /// # Errors
    /// Another daemon has it.
    pub fn lock(&self) -> Result<File, FolderError> {
        self.lock_file("lock", |pid| FolderError::InUse(self.0.clone(), pid))
    }

    /// Locks one VM's tunnel for this process, until the file is dropped.
    ///
    /// # Errors
    /// Another keeper has it.
    pub fn lock_tunnel(&self, instance: &str) -> Result<File, FolderError> {
        self.lock_file(&format!("tunnel-{instance}.lock"), |pid| FolderError::TunnelInUse(instance.to_owned(), pid))
    }

    fn lock_file(&self, name: &str, held: impl FnOnce(String) -> FolderError) -> Result<File, FolderError> {
        let path = self.0.join(name);
        let mut file = open_ours(&path, OpenOptions::new().read(true).write(true).create(true))?;
        match file.try_lock() {
            Ok(()) => {
                // The pid is for people only: the lock itself counts.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                Ok(file)
            }
            Err(fs::TryLockError::WouldBlock) => {
                let pid = io::read_to_string(file).unwrap_or_default();
                Err(held(pid.trim().to_owned()))
            }
            Err(fs::TryLockError::Error(error)) => Err(FolderError::Io(path, error)),
        }
    }
}

fn make_folder(path: &Path) -> Result<(), FolderError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(FolderError::NotA(path.into(), "folder")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
            made.map_err(|error| FolderError::Io(path.into(), error))
        }
        Err(error) => Err(FolderError::Io(path.into(), error)),
    }
}

/// Whether it belongs to the user of this process.
pub fn is_own(found: &Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw()
}

/// Whether others have any right on it.
pub fn is_open_to_others(found: &Metadata) -> bool {
    found.mode() & 0o077 != 0
}

/// Checks the owner, and removes rights beyond `mode`. Returns a warning if there were any.
fn tighten(path: &Path, mode: u32) -> Result<Option<String>, FolderError> {
    let fail = |error| FolderError::Io(path.into(), error);
    let found = fs::symlink_metadata(path).map_err(fail)?;
    if !is_own(&found) {
        return Err(FolderError::NotOurs(path.into()));
    }
    if found.mode() & 0o777 & !mode == 0 {
        return Ok(None);
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(fail)?;
    Ok(Some(format!("{}: mode tightened from {:o} to {mode:o}", path.display(), found.mode() & 0o777)))
}

/// Opens a file of ours with mode 0600, without following a link, and checks what it is.
///
/// # Errors
/// It cannot be opened, is not a regular file, or is not ours.
pub fn open_ours(path: &Path, options: &mut OpenOptions) -> Result<File, FolderError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = options.mode(0o600).custom_flags(flags).open(path).map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => FolderError::NotA(path.into(), "regular file"),
        _ if error.kind() == io::ErrorKind::IsADirectory => FolderError::NotA(path.into(), "regular file"),
        _ => FolderError::Io(path.into(), error),
    })?;
    let found = file.metadata().map_err(|error| FolderError::Io(path.into(), error))?;
    if !found.is_file() {
        return Err(FolderError::NotA(path.into(), "regular file"));
    }
    tighten(path, 0o600)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_ours_and_an_open_one_is_tightened() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("a/b");
        let (_, warnings) = Folder::open(&path).expect("made");
        assert_eq!((mode(&path), warnings.len()), (0o700, 0));
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("ours");
        let (_, warnings) = Folder::open(&path).expect("tightened");
        assert_eq!((mode(&path), warnings.len()), (0o700, 1));
    }

    #[test]
    fn a_folder_of_other_things_is_left_as_it_is() {
        let parent = tempfile::tempdir().expect("a folder");
        fs::set_permissions(parent.path(), Permissions::from_mode(0o755)).expect("ours");
        fs::write(parent.path().join("thesis.tex"), "").expect("written");
        assert!(matches!(Folder::open(parent.path()), Err(FolderError::NotAlone(_))));
        assert_eq!(mode(parent.path()), 0o755);
        fs::write(parent.path().join("secrets.env"), "").expect("written");
        Folder::open(parent.path()).expect("ours after all");
    }

    #[test]
    fn links_and_pipes_are_not_files_of_ours() {
        let parent = tempfile::tempdir().expect("a folder");
        let (target, link) = (parent.path().join("target"), parent.path().join("link"));
        fs::write(&target, "").expect("written");
        std::os::unix::fs::symlink(&target, &link).expect("linked");
        let opened = open_ours(&link, OpenOptions::new().append(true));
        assert!(matches!(opened, Err(FolderError::NotA(..))), "{opened:?}");
        let folder = open_ours(parent.path(), OpenOptions::new().read(true));
        assert!(matches!(folder, Err(FolderError::NotA(..))), "{folder:?}");
    }

    #[test]
    fn one_daemon_a_folder() {
        let parent = tempfile::tempdir().expect("a folder");
        let (folder, _) = Folder::open(parent.path()).expect("ours");
        let held = folder.lock().expect("free");
        assert!(matches!(folder.lock(), Err(FolderError::InUse(..))));
        drop(held);
        folder.lock().expect("free again");
    }
}
