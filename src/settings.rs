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
mod values;

use std::fmt::Display;
use std::path::PathBuf;

use actors::folder::Folder;
use actors::settings::{
    AuditRotation, AuditSettings, Listen, ListenerSettings, SecretStoreSettings, SessionSettings, Settings,
    UpstreamSettings,
};

pub(crate) use self::folder::{FolderArgs, folder_path, open_folder};
pub(crate) use self::given::Given;
pub(crate) use self::hints::hints;
pub(crate) use self::port::DEFAULT_PORT;
use self::sources::Sources;
use self::values::Context;
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

/// The secrets file that the daemon of this folder would read.
pub(crate) fn secrets_path(folder: &Folder) -> Result<PathBuf, Failure> {
    let given = Given::by_environment();
    Sources::read(&given, folder)?.get(&declared::SECRETS, &Context { folder, listen_anywhere: false })
}

/// The first TCP port that the daemon of this folder would listen on, if its settings name one.
pub(crate) fn listen_port(folder: &Folder) -> Result<Option<u16>, Failure> {
    let given = Given::by_environment();
    let context = Context { folder, listen_anywhere: true };
    let listen = Sources::read(&given, folder)?.get(&declared::LISTEN, &context)?;
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
    let mut context = Context { folder: &folder, listen_anywhere: false };
    context.listen_anywhere = sources.get(&declared::LISTEN_ANYWHERE, &context)?;
    Ok(Run {
        tree: Settings {
            listener: listener(&sources, &context)?,
            secret_store: secret_store(&sources, &context)?,
            upstream: upstream(&sources, &context)?,
            session: session(&sources, &context)?,
            audit: audit(&sources, &context)?,
            folder: folder.clone(),
        },
        workers: sources.get(&declared::WORKERS, &context)?,
        log: sources.get(&declared::LOG, &context)?,
        warnings: Vec::new(),
    })
}

fn listener(sources: &Sources<'_>, context: &Context<'_>) -> Result<ListenerSettings, Failure> {
    Ok(ListenerSettings {
        listen: sources.get(&declared::LISTEN, context)?,
        sessions_max: sources.get(&declared::MAX_SESSIONS, context)?,
    })
}

fn secret_store(sources: &Sources<'_>, context: &Context<'_>) -> Result<SecretStoreSettings, Failure> {
    Ok(SecretStoreSettings {
        path: sources.get(&declared::SECRETS, context)?,
        ttl: sources.get(&declared::SECRETS_TTL, context)?,
        approval_wait: sources.get(&declared::APPROVAL_WAIT, context)?,
        notify: sources.get(&declared::NOTIFY, context)?,
    })
}

fn upstream(sources: &Sources<'_>, context: &Context<'_>) -> Result<UpstreamSettings, Failure> {
    Ok(UpstreamSettings {
        ca: sources.get(&declared::UPSTREAM_CA, context)?,
        allow_net: sources.get(&declared::ALLOW_NET, context)?,
        deny_private: sources.get(&declared::DENY_PRIVATE, context)?,
        resolve: sources.get(&declared::RESOLVE, context)?,
        proxy: sources.get(&declared::UPSTREAM_PROXY, context)?,
    })
}

fn session(sources: &Sources<'_>, context: &Context<'_>) -> Result<SessionSettings, Failure> {
    Ok(SessionSettings {
        passthrough: sources.get(&declared::PASSTHROUGH, context)?,
        intercept: sources.get(&declared::INTERCEPT, context)?,
    })
}

fn audit(sources: &Sources<'_>, context: &Context<'_>) -> Result<AuditSettings, Failure> {
    Ok(AuditSettings {
        sync: sources.get(&declared::AUDIT_SYNC, context)?,
        rotation: AuditRotation {
            bytes_max: sources.get(&declared::AUDIT_BYTES, context)?,
            keep: sources.get(&declared::AUDIT_KEEP, context)?,
        },
    })
}

/// For messages that list what there is.
pub(crate) fn joined(items: impl IntoIterator<Item = impl Display>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
