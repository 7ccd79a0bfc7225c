//! The proxy's roots that each VM trusts, as `doctor` last saw.
//!
//! Nothing else can find out: a client does not say what it trusts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use actors::folder::Folder;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// By the VM's name: a Lima instance, or a host of an ssh configuration.
pub(crate) type Guests = BTreeMap<String, Guest>;

/// One VM at its last check.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Guest {
    /// RFC 3339.
    pub(crate) seen: String,
    /// Fingerprints of our roots that its programs trust.
    pub(crate) trusts: Vec<String>,
}

/// All checked VMs; none if the file is missing or not readable.
pub(crate) fn read(folder: &Folder) -> Guests {
    fs::read(path(folder)).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Records what a check saw now.
pub(crate) fn note(folder: &Folder, name: &str, guest: Guest) -> io::Result<()> {
    let mut guests = read(folder);
    guests.insert(name.to_owned(), guest);
    let mut file = NamedTempFile::new_in(folder.path())?;
    serde_json::to_writer_pretty(&mut file, &guests)?;
    writeln!(file)?;
    file.persist(path(folder)).map(drop).map_err(|error| error.error)
}

fn path(folder: &Folder) -> PathBuf {
    folder.path().join("guests.json")
}
