//! Settings: flag, else environment, else `settings.env`, else default.

mod values;

use std::collections::HashMap;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use actors::folder::Folder;
use actors::settings::{AuditRotation, AuditSync, Intercept, Settings};
use etcetera::BaseStrategy;
use policy::allowlist::Allowlist;

use self::values::{
    audit_sync, boolean, duration, file_bytes, hosts, intercept, listen_addresses, networks, number, resolve_entries,
};
use crate::cli::{FolderArgs, RunArgs};
use crate::failure::Failure;

const PREFIX: &str = "SECRET_PROXY_";
const DEFAULT_LISTEN: &str = "127.0.0.1:17329,unix:proxy.sock";
const SECRETS_TTL: Duration = Duration::from_secs(300);
const APPROVAL_WAIT: Duration = Duration::from_secs(60);
const SESSIONS_MAX: usize = 4096;
/// About 200,000 records; read in a second.
const AUDIT_BYTES_MAX: u64 = 64 * 1024 * 1024;
const AUDIT_FILES_CEILING: usize = 1_000_000;
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

/// Reads all settings of `run`. The folder is touched only once they are all good.
pub(crate) fn read(arguments: &RunArgs) -> Result<Run, Failure> {
    let path = folder_path(&arguments.folder)?;
    let folder = Folder::at(&path);
    let sources = Sources::read(&folder)?;
    let pick = |flag: &Option<String>, name| sources.pick(flag.as_ref(), name);
    let anywhere = pick(&arguments.listen_anywhere, "LISTEN_ANYWHERE");
    let anywhere = or_default(anywhere, "listen-anywhere", boolean, false)?;
    let addresses = |text: &str| listen_addresses(text, &folder, anywhere);
    let listen = pick(&arguments.listen, "LISTEN").unwrap_or_else(|| Given::default(DEFAULT_LISTEN));
    let secrets_ttl = pick(&arguments.secrets_ttl, "SECRETS_TTL");
    let approval_wait = pick(&arguments.approval_wait, "APPROVAL_WAIT");
    let max_sessions = pick(&arguments.max_sessions, "MAX_SESSIONS");
    let audit_keep = pick(&arguments.audit_keep, "AUDIT_KEEP").filter(|given| given.text != "all");
    let audit_bytes = pick(&arguments.audit_bytes, "AUDIT_BYTES");
    let audit_rotation = AuditRotation {
        bytes_max: or_default(audit_bytes, "audit-bytes", file_bytes, AUDIT_BYTES_MAX)?,
        keep: or_default(audit_keep, "audit-keep", |it| number(it, AUDIT_FILES_CEILING).map(Some), None)?,
    };
    let audit_synced = pick(&arguments.audit_sync, "AUDIT_SYNC");
    let mut tree = Settings {
        listen: listen.parse("listen", addresses)?,
        secrets: path_setting(pick(&arguments.secrets, "SECRETS"), &folder, "secrets.env"),
        secrets_ttl: or_default(secrets_ttl, "secrets-ttl", duration, SECRETS_TTL)?,
        approval_wait: or_default(approval_wait, "approval-wait", duration, APPROVAL_WAIT)?,
        notify: or_default(pick(&arguments.notify, "NOTIFY"), "notify", boolean, true)?,
        upstream_ca: pick(&arguments.upstream_ca, "UPSTREAM_CA").map(|given| given.text.into()),
        allow_net: or_default(pick(&arguments.allow_net, "ALLOW_NET"), "allow-net", networks, Vec::new())?,
        deny_private: or_default(pick(&arguments.deny_private, "DENY_PRIVATE"), "deny-private", boolean, false)?,
        resolve: or_default(pick(&arguments.resolve, "RESOLVE"), "resolve", resolve_entries, Vec::new())?,
        audit_sync: or_default(audit_synced, "audit-sync", audit_sync, AuditSync::Write)?,
        audit_rotation,
        passthrough: or_default(
            pick(&arguments.passthrough, "PASSTHROUGH"),
            "passthrough",
            hosts,
            Allowlist::default(),
        )?,
        intercept: or_default(pick(&arguments.intercept, "INTERCEPT"), "intercept", intercept, Intercept::All)?,
        sessions_max: or_default(max_sessions, "max-sessions", |it| number(it, SESSIONS_CEILING), SESSIONS_MAX)?,
        folder,
    };
    let workers = or_default(pick(&arguments.workers, "WORKERS"), "workers", |it| number(it, WORKERS_CEILING), 1)?;
    let log = pick(&arguments.log, "LOG").map_or_else(|| "info".to_owned(), |given| given.text);
    let (folder, warnings) = Folder::open(&path).map_err(Failure::not_well)?;
    tree.folder = folder;
    Ok(Run { tree, workers, log, warnings })
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
        let variable = format!("{PREFIX}{}", flag.replace('-', "_").to_uppercase());
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
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            // What is wrong with the folder itself is told when it is opened.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => String::new(),
            Err(error) => return Err(bad(&format!("it cannot be read: {}", error.kind()))),
        };
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

    /// clap has merged flag and environment; an empty text counts as not given.
    fn pick(&self, given: Option<&String>, name: &str) -> Option<Given> {
        let given = given.filter(|text| !text.is_empty()).map(|text| Given::default(text));
        given.or_else(|| {
            let text = self.settings.get(&format!("{PREFIX}{name}")).filter(|text| !text.is_empty())?;
            Some(Given { text: text.clone(), file: Some(self.path.clone()) })
        })
    }
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

const KNOWN: [&str; 18] = [
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
    "AUDIT_SYNC",
    "AUDIT_BYTES",
    "AUDIT_KEEP",
    "MAX_SESSIONS",
    "WORKERS",
    "LOG",
];

fn or_default<T>(
    given: Option<Given>,
    flag: &str,
    read: impl Fn(&str) -> Result<T, String>,
    default: T,
) -> Result<T, Failure> {
    given.map_or(Ok(default), |given| given.parse(flag, read))
}

fn path_setting(given: Option<Given>, folder: &Folder, default: &str) -> PathBuf {
    let absolute = |given: Given| std::path::absolute(&given.text).unwrap_or_else(|_| given.text.into());
    given.map_or_else(|| folder.path().join(default), absolute)
}

/// For messages that list what there is.
pub(crate) fn joined(items: impl IntoIterator<Item = impl Display>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
