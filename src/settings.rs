//! Settings of the daemon, from flags, variables and `settings.env`.

mod declared;
mod file;
mod folder;
mod given;
mod hints;
mod port;
mod setting;
mod sources;
#[cfg(test)]
mod tests;
mod tree;
mod values;

use std::fmt::Display;

use actors::folder::Folder;
use actors::settings::{Listen, SecretStoreSettings, Settings};

pub(crate) use self::folder::{FolderArgs, folder_path, open_folder};
pub(crate) use self::given::Given;
pub(crate) use self::hints::hints;
pub(crate) use self::port::DEFAULT_PORT;
use self::setting::Values;
use self::sources::Sources;
use self::values::Base;
use crate::terminal::failure::Failure;

/// Everything that `run` needs.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) tree: Settings,
    pub(crate) workers: usize,
    pub(crate) log: String,
    /// Repairs of the folder, and other things to report at the start.
    pub(crate) warnings: Vec<String>,
}

/// What the daemon of this folder would read secrets from.
pub(crate) fn secret_store(folder: &Folder) -> Result<SecretStoreSettings, Failure> {
    let given = Given::by_environment();
    let sources = Sources::read(&given, folder)?;
    tree::secret_store(folder, &sources.against(Base { folder, listen_anywhere: false }))
}

/// The first TCP port that the daemon of this folder would listen on, if its settings name one.
pub(crate) fn listen_port(folder: &Folder) -> Result<Option<u16>, Failure> {
    let given = Given::by_environment();
    let listen =
        Sources::read(&given, folder)?.against(Base { folder, listen_anywhere: true }).get(&declared::LISTEN)?;
    Ok(listen.iter().find_map(|listen| match listen {
        Listen::Tcp(address) => Some(address.port()).filter(|port| *port != 0),
        Listen::Unix(_) => None,
    }))
}

/// Reads all settings of `run`. The folder is touched only once they are all good.
pub(crate) fn read(folder: &FolderArgs, given: &Given) -> Result<Run, Failure> {
    let mut run = parse(folder, given)?;
    (run.tree.folder, run.warnings) = open_folder(folder)?;
    Ok(run)
}

/// Reads all settings of `run` without touching anything.
pub(crate) fn parse(folder: &FolderArgs, given: &Given) -> Result<Run, Failure> {
    let folder = Folder::at(&folder_path(folder)?);
    let sources = Sources::read(given, &folder)?;
    let against = |listen_anywhere| sources.against(Base { folder: &folder, listen_anywhere });
    let values = against(against(false).get(&declared::LISTEN_ANYWHERE)?);
    Ok(Run {
        tree: tree::all(folder.clone(), &values)?,
        workers: values.get(&declared::WORKERS)?,
        log: values.get(&declared::LOG)?,
        warnings: Vec::new(),
    })
}

/// For messages that list what there is.
pub(crate) fn joined(items: impl IntoIterator<Item = impl Display>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
