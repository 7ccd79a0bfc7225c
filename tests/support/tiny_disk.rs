//! A disk that is full after a few megabytes.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A small file system in memory, in a folder of its own. Drop it after its proxy.
pub struct TinyDisk {
    folder: TempDir,
}

impl TinyDisk {
    /// Mounts a disk, if this system and this user can.
    pub fn mount() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("sp").tempdir().expect("a temporary folder");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs"]).arg(folder.path());
        let is_mounted = command.output().is_ok_and(|output| output.status.success());
        is_mounted.then_some(Self { folder })
    }

    /// The mount point.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills the free space.
    pub fn fill(&self) {
        let mut filler = fs::File::options().create(true).append(true).open(self.filler()).expect("a file");
        // First by pages, then by bytes: the last page of a file may have space.
        for piece in [[b' '; 4096].as_slice(), b" "] {
            while filler.write_all(piece).is_ok() {}
        }
    }

    /// Frees the space.
    pub fn empty(&self) {
        fs::remove_file(self.filler()).expect("it was filled");
    }

    /// Mounts an empty file of this disk over another file. Drop it before the folder of that file.
    pub fn cover(&self, file: &Path) -> Cover {
        let cover = self.folder.path().join("cover");
        fs::write(&cover, "").expect("an empty file needs no space");
        let mounted = Command::new("mount").arg("--bind").args([&cover, file]).status();
        assert!(mounted.is_ok_and(|status| status.success()), "mounted");
        Cover(file.to_path_buf())
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        unmount(self.folder.path());
    }
}

/// A file that a file of a small disk covers.
pub struct Cover(PathBuf);

impl Drop for Cover {
    fn drop(&mut self) {
        unmount(&self.0);
    }
}

/// Unmounts lazily: a process that is about to end may hold a file.
fn unmount(path: &Path) {
    let _ = Command::new("umount").arg("-l").arg(path).status();
}
