//! Rotation: the next root is made, brought to the VMs, and only then active.
//!
//! ```text
//! ca/                      the active root
//! ca-next/                 the next one, if there is one
//! ca-replaced-TIME-PRINT/  the certificate of a former root; its key is deleted
//! ```
//!
//! A folder is the unit: it appears and moves in one rename, so that a certificate never stands beside another one's
//! key. A kill between two renames leaves `ca-next` without `ca`; the next start continues from there. Only the holder
//! of the folder's lock does any of this.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::root::{CERTIFICATE, KEY, Root, RootCertificate, RootError, fingerprint, make};
use crate::clock;
use crate::folder::{Folder, FolderError};

const REPLACED: &str = "ca-replaced-";
/// When the next root was last exported, in its folder.
const EXPORTED: &str = "exported";
/// How much of a fingerprint is in the name of a folder.
const PRINT_DIGITS: usize = 8;

/// A step of a rotation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Make the next root, if there is none yet.
    Begin,
    /// Switch to the next root, if there is one.
    Finish,
}

/// The certificates that VMs have to trust.
#[derive(Debug)]
pub struct Roots {
    /// The active one.
    pub in_use: RootCertificate,
    /// The next one, or why it cannot be used.
    pub next: Option<Result<RootCertificate, RootError>>,
    /// When the next one was last exported.
    pub exported: Option<OffsetDateTime>,
}

impl Roots {
    /// Reads them, and changes nothing.
    ///
    /// # Errors
    /// The one in use is damaged, or there is none.
    pub fn read(folder: &Folder) -> Result<Self, RootError> {
        let (in_use, next) = (folder.authority(), folder.next_authority());
        if !exists(&in_use) && exists(&next) {
            // A kill interrupted the switch: it is active from the next start on.
            return Ok(Self { in_use: read_next(&next)?, next: None, exported: None });
        }
        let in_use = RootCertificate::read(&in_use)?;
        Ok(Self { in_use, next: Self::next(folder), exported: Self::exported(folder) })
    }

    /// The next one, or why it cannot be used, whatever the state of the active one.
    pub fn next(folder: &Folder) -> Option<Result<RootCertificate, RootError>> {
        let next = folder.next_authority();
        exists(&next).then(|| read_next(&next))
    }

    /// When the next one was last exported.
    pub fn exported(folder: &Folder) -> Option<OffsetDateTime> {
        let text = fs::read_to_string(folder.next_authority().join(EXPORTED)).ok()?;
        OffsetDateTime::parse(text.trim(), &Rfc3339).ok()
    }

    /// Whether the active one can sign: its key exists, belongs to it, and only its owner can read it.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(folder: &Folder) -> Result<RootCertificate, RootError> {
        let (in_use, next) = (folder.authority(), folder.next_authority());
        let whole = if !exists(&in_use) && exists(&next) { next } else { in_use };
        Ok(Root::open(&whole)?.certificate().clone())
    }

    /// Records that the next one was exported now.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note_export(folder: &Folder) -> io::Result<()> {
        let next = folder.next_authority();
        let mut note = tempfile::NamedTempFile::new_in(&next)?;
        writeln!(note, "{}", clock::now())?;
        note.persist(next.join(EXPORTED)).map(drop).map_err(|error| error.error)
    }
}

/// Reads the root, or makes one if the folder does not exist. An interrupted rotation is completed first.
pub(crate) fn open_or_make(folder: &Path) -> Result<Root, RootError> {
    settle(folder)?;
    match Root::open(folder) {
        Err(RootError::Missing(_)) => {
            make(folder)?;
            Root::open(folder)
        }
        opened => opened,
    }
}

/// Takes a step while no daemon runs on the folder.
///
/// # Errors
/// A daemon runs, which has to do it itself; or the roots are damaged.
pub fn rotate(folder: &Folder, step: Step) -> Result<(), RootError> {
    let authority = folder.authority();
    if !exists(&authority) && !exists(&folder.next_authority()) {
        // The error says whether there is none, or permission is denied.
        RootCertificate::read(&authority)?;
    }
    let _lock = folder.lock()?;
    take(&authority, step)
}

/// Takes a step. Taking it twice is the same as once.
pub(super) fn take(folder: &Path, step: Step) -> Result<(), RootError> {
    settle(folder)?;
    match step {
        Step::Begin => begin(folder),
        Step::Finish => finish(folder),
    }
}

/// The next root, if there is a whole one.
pub(super) fn next(folder: &Path) -> Option<RootCertificate> {
    read_next(&next_of(folder)).ok()
}

/// Completes a rotation that a kill interrupted.
pub(super) fn settle(folder: &Path) -> Result<(), RootError> {
    let next = next_of(folder);
    if !exists(folder) && exists(&next) {
        open_next(&next)?;
        fs::rename(&next, folder).map_err(|error| failed(folder, error))?;
    }
    if exists(folder) {
        forget_keys(folder)?;
    }
    Ok(())
}

fn begin(folder: &Path) -> Result<(), RootError> {
    if !exists(folder) {
        return Err(RootError::Missing(folder.into()));
    }
    let next = next_of(folder);
    if exists(&next) { open_next(&next) } else { make(&next) }
}

fn finish(folder: &Path) -> Result<(), RootError> {
    let next = next_of(folder);
    if !exists(&next) {
        return Ok(());
    }
    open_next(&next)?;
    let aside = aside(folder);
    fs::rename(folder, &aside).map_err(|error| failed(&aside, error))?;
    fs::rename(&next, folder).map_err(|error| failed(folder, error))?;
    // The old key is deleted only when the new one is safely on disk.
    let parent = File::open(folder.parent().unwrap_or(folder)).and_then(|parent| parent.sync_all());
    parent.map_err(|error| failed(folder, error))?;
    forget_keys(folder)
}

/// Deletes former keys: VMs may still trust their roots.
fn forget_keys(folder: &Path) -> Result<(), RootError> {
    let entries = fs::read_dir(folder.parent().unwrap_or(folder)).map_err(|error| failed(folder, error))?;
    let replaced = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(REPLACED.as_bytes());
    for entry in entries.flatten().filter(|entry| replaced(&entry.file_name())) {
        let key = entry.path().join(KEY);
        match fs::remove_file(&key) {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(failed(&key, error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The new place of a replaced root, in whatever state it is.
fn aside(folder: &Path) -> PathBuf {
    let certificate = CertificateDer::from_pem_file(folder.join(CERTIFICATE));
    let print = certificate.map_or_else(|_| "unreadable".to_owned(), |der| fingerprint(&der).replace(':', ""));
    let print = print.get(..PRINT_DIGITS).unwrap_or(&print).to_owned();
    folder.with_file_name(format!("{REPLACED}{}-{print}", clock::now().replace(['-', ':'], "")))
}

fn next_of(folder: &Path) -> PathBuf {
    folder.with_file_name("ca-next")
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn open_next(next: &Path) -> Result<(), RootError> {
    Root::open(next).map(drop).map_err(|error| unusable(next, &error))
}

fn read_next(next: &Path) -> Result<RootCertificate, RootError> {
    RootCertificate::read(next).map_err(|error| unusable(next, &error))
}

/// The problem alone: the hints are about a root that is in use.
fn unusable(next: &Path, error: &RootError) -> RootError {
    RootError::Next(next.into(), error.to_string())
}

fn failed(path: &Path, error: io::Error) -> RootError {
    FolderError::Io(path.into(), error).into()
}

#[cfg(test)]
mod tests;
