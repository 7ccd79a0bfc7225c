//! The current content of the audit files, which grow, are renamed and are truncated.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::audit_chain;

/// The whole lines of all audit files of a folder so far.
pub struct AuditFiles {
    dir: PathBuf,
    /// Open files and their read positions, by inode: a renamed file is not lost.
    files: HashMap<u64, (File, u64)>,
    /// The paths of permitted requests.
    permits: HashSet<String>,
}

impl AuditFiles {
    /// A reader that has read nothing yet.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf(), files: HashMap::new(), permits: HashSet::new() }
    }

    /// Whether a record permits the request of this path.
    pub fn permits(&mut self, path: &str) -> bool {
        // A file that is renamed while the folder is listed may be missed once.
        for _ in 0..3 {
            if self.permits.contains(path) {
                return true;
            }
            self.read();
        }
        self.permits.contains(path)
    }

    fn read(&mut self) {
        for path in audit_chain::files(&self.dir) {
            let Ok(file) = File::open(path) else { continue };
            let Ok(found) = file.metadata() else { continue };
            self.files.entry(found.ino()).or_insert((file, 0));
        }
        for (file, offset) in self.files.values_mut() {
            for record in fresh(file, offset) {
                if record["blocked"] == false {
                    self.permits.extend(record["path"].as_str().map(str::to_owned));
                }
            }
        }
    }
}

/// The records after `offset`, which advances to the end of the last whole line.
fn fresh(file: &File, offset: &mut u64) -> Vec<Value> {
    let length = file.metadata().map_or(0, |found| found.len());
    if length < *offset {
        // The file was truncated in place.
        *offset = 0;
    }
    let mut text = vec![0; usize::try_from(length - *offset).expect("a length")];
    let read = file.read_at(&mut text, *offset).unwrap_or(0);
    let whole = text[..read].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    *offset += whole as u64;
    text[..whole].split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}
