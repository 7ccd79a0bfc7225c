//! Atomic writes and removals of service files.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::terminal::failure::Failure;

/// A text and its path.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl File {
    /// Whether the file has this text already. A link of another program is not touched.
    pub(super) fn is_there(&self) -> Result<bool, Failure> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_symlink() => {
                let problem =
                    format!("{} is a link, made by another program such as home-manager", self.path.display());
                Err(Failure::not_well(problem).hint("remove the proxy there first"))
            }
            Ok(_) => fs::read(&self.path)
                .map(|text| text == self.text.as_bytes())
                .map_err(|error| cannot("read", &self.path, &error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(cannot("read", &self.path, &error)),
        }
    }

    /// Writes it in one step, and prints that.
    pub(super) fn write(&self) -> Result<(), Failure> {
        self.replace().map_err(|error| cannot("write", &self.path, &error))?;
        out!("wrote      {}", self.path.display());
        Ok(())
    }

    fn replace(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(self.text.as_bytes())?;
        new.persist(&self.path)?;
        Ok(())
    }
}

/// Removes a file that may be gone already, and prints that.
pub(super) fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot("remove", path, &error)),
        _ => {
            out!("removed    {}", path.display());
            Ok(())
        }
    }
}

/// The sorted names in a folder; none if there is no such folder.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Whether it is a file and no link.
pub(super) fn is_ours(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::not_well(format!("cannot {what} {} ({})", path.display(), error.kind()));
    failure.hint("check its folder's owner and mode")
}
