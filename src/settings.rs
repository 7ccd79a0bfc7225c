//! Settings: flag, else environment, else `settings.env`, else default.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::folder::Folder;
use actors::settings::{Listen, Resolve, Settings};
use etcetera::BaseStrategy;
use ipnet::IpNet;
use policy::host::Host;

use crate::cli::{FolderArgs, RunArgs};
use crate::failure::Failure;

const PREFIX: &str = "SECRET_PROXY_";
const PORT: u16 = 17329;
const SECRETS_TTL: Duration = Duration::from_secs(300);
const APPROVAL_WAIT: Duration = Duration::from_secs(60);
const SESSIONS_MAX: usize = 4096;
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
        return std::path::absolute(dir).map_err(|error| Failure::usage(format!("--dir: {error}")));
    }
    let strategy = etcetera::choose_base_strategy();
    let strategy = strategy.map_err(|_| Failure::usage("there is no home folder: name one with --dir"))?;
    Ok(strategy.config_dir().join("secret-proxy"))
}

/// The secrets file that the daemon of this folder would read.
pub(crate) fn secrets_path(folder: &Folder) -> Result<PathBuf, Failure> {
    let sources = Sources::read(folder)?;
    let from_environment = std::env::var("SECRET_PROXY_SECRETS").ok().filter(|it| !it.is_empty());
    Ok(path_setting(from_environment.or_else(|| sources.in_file("SECRETS")), folder, "secrets.env"))
}

/// Reads all settings of `run`.
pub(crate) fn read(arguments: &RunArgs) -> Result<Run, Failure> {
    let (folder, warnings) = Folder::open(&folder_path(&arguments.folder)?).map_err(Failure::not_well)?;
    let sources = Sources::read(&folder)?;
    let pick = |flag: &Option<String>, name| sources.pick(flag.as_ref(), name);
    let listen = pick(&arguments.listen, "LISTEN");
    let tree = Settings {
        listen: parse("--listen", listen.as_deref().unwrap_or(&default_listen()), |text| {
            listen_addresses(text, &folder, arguments.listen_anywhere)
        })?,
        secrets: path_setting(pick(&arguments.secrets, "SECRETS"), &folder, "secrets.env"),
        secrets_ttl: or_default("--secrets-ttl", pick(&arguments.secrets_ttl, "SECRETS_TTL"), duration, SECRETS_TTL)?,
        approval_wait: or_default(
            "--approval-wait",
            pick(&arguments.approval_wait, "APPROVAL_WAIT"),
            duration,
            APPROVAL_WAIT,
        )?,
        upstream_ca: pick(&arguments.upstream_ca, "UPSTREAM_CA").map(PathBuf::from),
        allow_net: or_default("--allow-net", pick(&arguments.allow_net, "ALLOW_NET"), networks, Vec::new())?,
        deny_private: or_default("--deny-private", pick(&arguments.deny_private, "DENY_PRIVATE"), boolean, false)?,
        resolve: or_default("--resolve", pick(&arguments.resolve, "RESOLVE"), resolve_entries, Vec::new())?,
        sessions_max: or_default(
            "--max-sessions",
            pick(&arguments.max_sessions, "MAX_SESSIONS"),
            |text| number(text, SESSIONS_CEILING),
            SESSIONS_MAX,
        )?,
        folder,
    };
    let workers =
        or_default("--workers", pick(&arguments.workers, "WORKERS"), |text| number(text, WORKERS_CEILING), 1)?;
    let log = pick(&arguments.log, "LOG").unwrap_or_else(|| "info".to_owned());
    Ok(Run { tree, workers, log, warnings })
}

/// The lines of `settings.env`.
struct Sources(HashMap<String, String>);

impl Sources {
    /// dotenvy expands `$HOME` and the like, which is wanted here. Its errors hold raw lines and are
    /// not shown.
    fn read(folder: &Folder) -> Result<Self, Failure> {
        let path = folder.path().join("settings.env");
        let bad = |what: &str| Failure::usage(format!("{}: {what}", path.display()));
        let lines = match dotenvy::from_path_iter(&path) {
            Ok(lines) => lines,
            Err(error) if error.not_found() => return Ok(Self(HashMap::new())),
            Err(_) => return Err(bad("it cannot be read")),
        };
        let mut settings = HashMap::new();
        for line in lines {
            let (name, value) = line.map_err(|_| bad("a line is not NAME=value"))?;
            if !KNOWN.iter().any(|known| name.strip_prefix(PREFIX) == Some(known)) {
                return Err(bad(&format!("{name} is not a setting (see secret-proxy run --help)")));
            }
            settings.insert(name, value);
        }
        Ok(Self(settings))
    }

    /// clap has merged flag and environment; an empty text counts as not given.
    fn pick(&self, given: Option<&String>, name: &str) -> Option<String> {
        given.filter(|text| !text.is_empty()).cloned().or_else(|| self.in_file(name))
    }

    fn in_file(&self, name: &str) -> Option<String> {
        self.0.get(&format!("{PREFIX}{name}")).filter(|text| !text.is_empty()).cloned()
    }
}

const KNOWN: [&str; 11] = [
    "LISTEN",
    "SECRETS",
    "SECRETS_TTL",
    "APPROVAL_WAIT",
    "UPSTREAM_CA",
    "ALLOW_NET",
    "DENY_PRIVATE",
    "RESOLVE",
    "MAX_SESSIONS",
    "WORKERS",
    "LOG",
];

fn default_listen() -> String {
    format!("127.0.0.1:{PORT},unix:proxy.sock")
}

/// A bad setting is named by its flag; its variable is the same word.
fn parse<T>(flag: &str, text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, Failure> {
    let variable = format!("{PREFIX}{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase());
    read(text).map_err(|error| Failure::usage(format!("{flag} (or {variable}): {error}")))
}

fn or_default<T>(
    flag: &str,
    text: Option<String>,
    read: impl Fn(&str) -> Result<T, String>,
    default: T,
) -> Result<T, Failure> {
    text.map_or(Ok(default), |text| parse(flag, &text, read))
}

fn path_setting(text: Option<String>, folder: &Folder, default: &str) -> PathBuf {
    text.map_or_else(|| folder.path().join(default), |text| std::path::absolute(&text).unwrap_or_else(|_| text.into()))
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

fn listen_addresses(text: &str, folder: &Folder, anywhere: bool) -> Result<Vec<Listen>, String> {
    let listen = |entry| listen_address(entry, folder, anywhere);
    let addresses: Vec<Listen> = entries(text).map(listen).collect::<Result<_, _>>()?;
    if addresses.is_empty() { Err("there is no address in it".to_owned()) } else { Ok(addresses) }
}

fn listen_address(entry: &str, folder: &Folder, anywhere: bool) -> Result<Listen, String> {
    if let Some(path) = entry.strip_prefix("unix:") {
        return Ok(Listen::Unix(folder.path().join(Path::new(path))));
    }
    let address: std::net::SocketAddr =
        entry.parse().map_err(|_| format!("'{entry}' is not ADDRESS:PORT (such as 127.0.0.1:{PORT}) or unix:PATH"))?;
    if !address.ip().is_loopback() && !anywhere {
        return Err(format!(
            "'{entry}' can be reached by other machines: use 127.0.0.1, or add --listen-anywhere if that is wanted"
        ));
    }
    Ok(Listen::Tcp(address))
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map(Duration::from_secs).ok();
    let parsed = seconds.or_else(|| humantime::parse_duration(text).ok());
    parsed.ok_or_else(|| format!("'{text}' is not a duration such as 300s, 5m or 0"))
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |entry: &str| {
        let single = entry.parse::<IpAddr>().map(IpNet::from);
        entry.parse().or(single).map_err(|_| format!("'{entry}' is not a network such as 127.0.0.0/8"))
    };
    entries(text).map(network).collect()
}

fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!("'{text}' is neither true nor false")),
    }
}

fn number(text: &str, ceiling: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=ceiling).contains(&number) => Ok(number),
        _ => Err(format!("'{text}' is not a number from 1 to {ceiling}")),
    }
}

fn resolve_entries(text: &str) -> Result<Vec<Resolve>, String> {
    let entry = |entry: &str| {
        resolve_entry(entry).ok_or_else(|| format!("'{entry}' is not NAME:PORT:ADDRESS or NAME:PORT:ADDRESS:PORT"))
    };
    entries(text).map(entry).collect()
}

fn resolve_entry(entry: &str) -> Option<Resolve> {
    let (host, rest) = entry.split_once(':')?;
    let (port, target) = rest.split_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let (address, dialled_port) = target_address(target)?;
    Some(Resolve { host: Host::parse(host).ok()?, port, address, dialled_port })
}

/// `ADDRESS`, `ADDRESS:PORT`; IPv6 in brackets if a port follows.
fn target_address(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let unbracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = unbracketed.parse() {
        return Some((address, None));
    }
    let address: std::net::SocketAddr = text.parse().ok()?;
    Some((address.ip(), Some(address.port())))
}

/// For messages that list what there is.
pub(crate) fn joined(items: impl IntoIterator<Item = impl Display>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_resolve_entries() {
        let table = [
            ("api.example:443:127.0.0.1", Some(("127.0.0.1", None))),
            ("api.example:443:127.0.0.1:8443", Some(("127.0.0.1", Some(8443)))),
            ("api.example:443:::1", Some(("::1", None))),
            ("api.example:443:[::1]:8443", Some(("::1", Some(8443)))),
            ("api.example:0:127.0.0.1", None),
            ("api.example:127.0.0.1", None),
            ("api.example:443:localhost", None),
            ("a b:443:127.0.0.1", None),
        ];
        for (text, expected) in table {
            let read = resolve_entry(text).map(|entry| (entry.address.to_string(), entry.dialled_port));
            assert_eq!(read, expected.map(|(address, port)| (address.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn table_of_durations() {
        let table =
            [("0", Some(0)), ("300", Some(300)), ("300s", Some(300)), ("5m", Some(300)), ("soon", None), ("-1", None)];
        for (text, expected) in table {
            assert_eq!(duration(text).ok().map(|it| it.as_secs()), expected, "{text}");
        }
    }

    #[test]
    fn addresses_that_others_can_reach_need_a_word() {
        let folder = Folder::at(Path::new("/tmp"));
        assert!(listen_address("0.0.0.0:1", &folder, false).is_err_and(|error| error.contains("--listen-anywhere")));
        assert!(listen_address("0.0.0.0:1", &folder, true).is_ok());
        assert!(listen_address("[::1]:1", &folder, false).is_ok());
        assert_eq!(listen_address("unix:p.sock", &folder, false), Ok(Listen::Unix("/tmp/p.sock".into())));
        assert!(listen_address("localhost", &folder, false).is_err());
    }
}
