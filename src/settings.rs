//! Settings: flag, else environment, else `settings.env`, else default.

mod file;
mod hints;
mod values;

use std::collections::HashMap;
use std::fmt::Display;
use std::path::PathBuf;

use actors::folder::Folder;
use actors::mirror::Mirror;
use actors::settings::{AuditRotation, Listen, Settings};
use etcetera::BaseStrategy;

pub(crate) use self::hints::hints;
use self::values::{
    audit_sync, boolean, duration, file_bytes, files_kept, hosts, intercept, listen_addresses, networks, number,
    resolve_entries, upstream_proxy,
};
use crate::cli::{FolderArgs, RunArgs};
use crate::terminal::failure::Failure;

const PREFIX: &str = "SECRET_PROXY_";
const LISTEN: &str = "127.0.0.1:17329,unix:proxy.sock";
/// More permits than a semaphore hands out at once, or descriptors than a system has, help nobody.
const SESSIONS_CEILING: usize = 1_000_000;
const WORKERS_CEILING: usize = 1024;

/// What `run` needs besides the tree's own settings.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) tree: Settings,
    pub(crate) workers: usize,
    pub(crate) log: String,
    /// What was noticed about the folder and put right.
    pub(crate) warnings: Vec<String>,
}

/// The folder's path, not yet looked at.
pub(crate) fn folder_path(arguments: &FolderArgs) -> Result<PathBuf, Failure> {
    if let Some(dir) = &arguments.dir {
        if dir.as_os_str().is_empty() {
            return Err(Failure::usage("--dir (or SECRET_PROXY_DIR) is empty: name a folder, or unset the variable"));
        }
        if dir.starts_with("~") {
            return Err(Failure::usage("--dir: the shell left ~ as it is: write $HOME"));
        }
        return std::path::absolute(dir).map_err(|error| Failure::usage(format!("--dir: {error}")));
    }
    let strategy = etcetera::choose_base_strategy();
    let strategy = strategy.map_err(|_| Failure::usage("there is no home folder: name one with --dir"))?;
    Ok(strategy.config_dir().join("secret-proxy"))
}

/// The secrets file that the daemon of this folder would read.
pub(crate) fn secrets_path(folder: &Folder) -> Result<PathBuf, Failure> {
    let sources = Sources::read(folder)?;
    let from_environment = std::env::var("SECRET_PROXY_SECRETS").ok();
    Ok(path_setting(sources.pick(from_environment.as_ref(), "SECRETS"), folder, "secrets.env"))
}

/// The first TCP port that the daemon of this folder would listen on, if its settings name one.
pub(crate) fn listen_port(folder: &Folder) -> Result<Option<u16>, Failure> {
    let sources = Sources::read(folder)?;
    let from_environment = std::env::var("SECRET_PROXY_LISTEN").ok();
    let addresses = |text: &str| listen_addresses(text, folder, true);
    let port = |listen: &Listen| match listen {
        Listen::Tcp(address) => Some(address.port()).filter(|port| *port != 0),
        Listen::Unix(_) => None,
    };
    let listen = sources.get(from_environment.as_ref(), "listen", LISTEN, addresses)?;
    Ok(listen.iter().find_map(port))
}

/// Reads all settings of `run`. The folder is touched only once they are all good.
pub(crate) fn read(given: &RunArgs) -> Result<Run, Failure> {
    let mut run = parse(given)?;
    (run.tree.folder, run.warnings) = open_folder(&given.folder)?;
    Ok(run)
}

/// Makes the folder, or sees to its mode, of which the warnings tell.
pub(crate) fn open_folder(arguments: &FolderArgs) -> Result<(Folder, Vec<String>), Failure> {
    Ok(Folder::open(&folder_path(arguments)?)?)
}

/// The same settings, and nothing is touched.
pub(crate) fn parse(given: &RunArgs) -> Result<Run, Failure> {
    let path = folder_path(&given.folder)?;
    let folder = Folder::at(&path);
    let sources = Sources::read(&folder)?;
    let anywhere = sources.get(given.listen_anywhere.as_ref(), "listen-anywhere", "false", boolean)?;
    let addresses = |text: &str| listen_addresses(text, &folder, anywhere);
    let sessions = |text: &str| number(text, SESSIONS_CEILING);
    let tree = Settings {
        listen: sources.get(given.listen.as_ref(), "listen", LISTEN, addresses)?,
        secrets: path_setting(sources.pick(given.secrets.as_ref(), "SECRETS"), &folder, "secrets.env"),
        secrets_ttl: sources.get(given.secrets_ttl.as_ref(), "secrets-ttl", "300s", duration)?,
        approval_wait: sources.get(given.approval_wait.as_ref(), "approval-wait", "60s", duration)?,
        notify: sources.get(given.notify.as_ref(), "notify", "true", boolean)?,
        upstream_ca: sources.pick(given.upstream_ca.as_ref(), "UPSTREAM_CA").map(|given| given.text.into()),
        allow_net: sources.get(given.allow_net.as_ref(), "allow-net", "", networks)?,
        deny_private: sources.get(given.deny_private.as_ref(), "deny-private", "false", boolean)?,
        resolve: sources.get(given.resolve.as_ref(), "resolve", "", resolve_entries)?,
        upstream_proxy: sources.get(given.upstream_proxy.as_ref(), "upstream-proxy", "", upstream_proxy)?,
        passthrough: sources.get(given.passthrough.as_ref(), "passthrough", "", hosts)?,
        intercept: sources.get(given.intercept.as_ref(), "intercept", "all", intercept)?,
        audit_sync: sources.get(given.audit_sync.as_ref(), "audit-sync", "write", audit_sync)?,
        audit_rotation: AuditRotation {
            bytes_max: sources.get(given.audit_bytes.as_ref(), "audit-bytes", "64MiB", file_bytes)?,
            keep: sources.get(given.audit_keep.as_ref(), "audit-keep", "all", files_kept)?,
        },
        mirror: Mirror::default(),
        sessions_max: sources.get(given.max_sessions.as_ref(), "max-sessions", "4096", sessions)?,
        folder,
    };
    let workers = sources.get(given.workers.as_ref(), "workers", "1", |text| number(text, WORKERS_CEILING))?;
    let log = sources.get(given.log.as_ref(), "log", "info", |text| Ok(text.to_owned()))?;
    Ok(Run { tree, workers, log, warnings: Vec::new() })
}

/// A setting as it was written, and where.
struct Given {
    text: String,
    /// The file it stands in, if it was not a flag or a variable.
    file: Option<PathBuf>,
}

impl Given {
    fn default(text: &str) -> Self {
        Self { text: text.to_owned(), file: None }
    }

    /// What is wrong with a setting is told with its name and its place.
    fn parse<T>(&self, flag: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, Failure> {
        let variable = format!("{PREFIX}{}", name_of(flag));
        let place = match &self.file {
            Some(file) => format!("{variable} in {}", file.display()),
            None => format!("--{flag} (or {variable})"),
        };
        read(&self.text).map_err(|error| Failure::usage(format!("{place}: {error}")))
    }
}

/// The lines of `settings.env`.
struct Sources {
    path: PathBuf,
    settings: HashMap<String, String>,
}

impl Sources {
    /// dotenvy expands `$HOME` and the like, which is wanted here. Its errors hold raw lines and are
    /// not shown.
    fn read(folder: &Folder) -> Result<Self, Failure> {
        let path = folder.path().join("settings.env");
        let bad = |what: &str| Failure::usage(format!("{}: {what}", path.display()));
        let text = file::text(&path).map_err(|what| bad(&what))?;
        let mut settings = HashMap::new();
        for line in dotenvy::from_read_iter(text.as_bytes()) {
            let malformed = |_| {
                bad(&format!("line {} is not NAME=value, as in SECRET_PROXY_SECRETS_TTL=60s", first_bad_line(&text)))
            };
            let (name, value) = line.map_err(malformed)?;
            if !KNOWN.iter().any(|known| name.strip_prefix(PREFIX) == Some(known)) {
                return Err(bad(&format!("{name} is not a setting (see secret-proxy run --help)")));
            }
            settings.insert(name, value);
        }
        Ok(Self { path, settings })
    }

    /// A setting, or what its default means.
    fn get<T>(
        &self,
        given: Option<&String>,
        flag: &str,
        default: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let found = self.pick(given, &name_of(flag));
        found.unwrap_or_else(|| Given::default(default)).parse(flag, read)
    }

    /// clap has merged flag and environment; an empty text counts as not given.
    fn pick(&self, given: Option<&String>, name: &str) -> Option<Given> {
        let given = given.filter(|text| !text.is_empty()).map(|text| Given::default(text));
        given.or_else(|| {
            let text = self.settings.get(&format!("{PREFIX}{name}")).filter(|text| !text.is_empty())?;
            Some(Given { text: text.clone(), file: Some(self.path.clone()) })
        })
    }
}

/// What a flag is called among variables.
fn name_of(flag: &str) -> String {
    flag.replace('-', "_").to_uppercase()
}

/// The first line up to which the text does not parse. dotenvy does not tell.
fn first_bad_line(text: &str) -> usize {
    let ends = text.split_inclusive('\n').scan(0, |end, line| {
        *end += line.len();
        Some(*end)
    });
    let bad = |end: &usize| {
        text.get(..*end).is_some_and(|head| dotenvy::from_read_iter(head.as_bytes()).any(|it| it.is_err()))
    };
    ends.collect::<Vec<_>>().iter().position(bad).map_or(1, |at| at + 1)
}

const KNOWN: [&str; 19] = [
    "LISTEN",
    "LISTEN_ANYWHERE",
    "SECRETS",
    "SECRETS_TTL",
    "APPROVAL_WAIT",
    "NOTIFY",
    "UPSTREAM_CA",
    "ALLOW_NET",
    "DENY_PRIVATE",
    "PASSTHROUGH",
    "INTERCEPT",
    "RESOLVE",
    "UPSTREAM_PROXY",
    "AUDIT_SYNC",
    "AUDIT_BYTES",
    "AUDIT_KEEP",
    "MAX_SESSIONS",
    "WORKERS",
    "LOG",
];

fn path_setting(given: Option<Given>, folder: &Folder, default: &str) -> PathBuf {
    let absolute = |given: Given| std::path::absolute(&given.text).unwrap_or_else(|_| given.text.into());
    given.map_or_else(|| folder.path().join(default), absolute)
}

/// For messages that list what there is.
pub(crate) fn joined(items: impl IntoIterator<Item = impl Display>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
