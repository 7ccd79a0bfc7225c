//! The namespaces that there are: those of the settings, and the folders in the folder of namespaces.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use policy::name::Namespace;

use super::settings::{SecretStoreSettings, SourceSettings};
use crate::limits::NAMESPACES_MAX;

/// What each namespace is read from, and the folders that are no namespace.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Found {
    pub(super) sources: BTreeMap<Namespace, SourceSettings>,
    pub(super) refused: Vec<String>,
}

/// Looks for namespaces. A source of the settings comes before a folder of the same name.
pub(super) fn find(settings: &SecretStoreSettings) -> Found {
    let of_settings = settings.namespaces.iter().map(|it| (it.namespace.clone(), it.source.clone()));
    let mut found = Found { sources: of_settings.collect(), refused: Vec::new() };
    found.sources.insert(Namespace::DEFAULT, settings.source.clone());
    for name in folders(&settings.namespaces_folder) {
        let shown = || name.to_string_lossy().escape_debug().to_string();
        match Namespace::parse(name.as_encoded_bytes()) {
            Some(namespace) if found.sources.contains_key(&namespace) => {
                found.refused.push(format!("{}: the settings name another source for it", shown()));
            }
            Some(_) if found.sources.len() > NAMESPACES_MAX => {
                found.refused.push(format!("{}: there are more than {NAMESPACES_MAX} namespaces", shown()));
            }
            Some(namespace) => {
                let path = settings.namespaces_folder.join(&name).join("secrets.env");
                found.sources.insert(namespace, SourceSettings::Path(path));
            }
            None => found.refused.push(format!("{}: rename it to letters, digits and underscores", shown())),
        }
    }
    found
}

/// The names of the folders in a folder, sorted. Hidden ones are of other programs.
fn folders(folder: &Path) -> Vec<std::ffi::OsString> {
    let is_hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut names: Vec<_> = entries.filter(is_folder).map(|it| it.file_name()).filter(|it| !is_hidden(it)).collect();
    names.sort();
    names
}
