//! Files that are written whole or not at all.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::terminal::failure::Failure;

/// A text and the place where it is to stand.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl File {
    /// Whether it stands there as it should. Somebody else's link is not touched.
    pub(super) fn is_there(&self) -> Result<bool, Failure> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_symlink() => Err(Failure::not_well(format!(
                "{} is a link, made by another program such as home-manager: take the proxy out there first",
                self.path.display()
            ))),
            Ok(_) => fs::read(&self.path)
                .map(|text| text == self.text.as_bytes())
                .map_err(|error| cannot("be read", &self.path, &error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(cannot("be read", &self.path, &error)),
        }
    }

    /// Puts it there in one step, and says so.
    pub(super) fn write(&self) -> Result<(), Failure> {
        self.replace().map_err(|error| cannot("be written", &self.path, &error))?;
        say!("wrote      {}", self.path.display());
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

/// Removes a file that may be gone already, and says so.
pub(super) fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot("be removed", path, &error)),
        _ => {
            say!("removed    {}", path.display());
            Ok(())
        }
    }
}

/// What is in a folder, by name; nothing if there is no such folder.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Whether a file of ours stands there.
pub(super) fn is_ours(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::not_well(format!(
        "{} cannot {what} ({}): see to its folder's owner and mode",
        path.display(),
        error.kind()
    ))
}
