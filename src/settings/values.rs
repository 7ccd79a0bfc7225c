//! Parsers of settings.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use actors::folder::Folder;
use actors::settings::{
    AuditSync, Intercept, Listen, NamespaceSource, ProxyExcept, Resolve, SourceSettings, UpstreamProxy,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use bytesize::ByteSize;
use http::HeaderValue;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use policy::destination::allowlist::Allowlist;
use policy::destination::host::{Authority, Host};
use policy::name::Namespace;

use super::port::DEFAULT_PORT;

const FILES_CEILING: usize = 1_000_000;

/// What the meaning of a text may depend on.
pub(super) struct Base<'a> {
    pub(super) folder: &'a Folder,
    /// The setting `listen-anywhere`.
    pub(super) listen_anywhere: bool,
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

pub(super) fn listen_addresses(text: &str, base: &Base<'_>) -> Result<Vec<Listen>, String> {
    let addresses: Vec<Listen> = entries(text).map(|entry| listen_address(entry, base)).collect::<Result<_, _>>()?;
    if addresses.is_empty() { Err("there is no address in it".to_owned()) } else { Ok(addresses) }
}

fn listen_address(entry: &str, base: &Base<'_>) -> Result<Listen, String> {
    if let Some(path) = entry.strip_prefix("unix:") {
        if path.is_empty() {
            return Err(format!("'{entry}' names no path (such as unix:proxy.sock)"));
        }
        return Ok(Listen::Unix(base.folder.path().join(path)));
    }
    let address: SocketAddr = entry
        .parse()
        .map_err(|_| format!("'{entry}' is not ADDRESS:PORT (such as 127.0.0.1:{DEFAULT_PORT}) or unix:PATH"))?;
    if !address.ip().is_loopback() && !base.listen_anywhere {
        return Err(format!(
            "'{entry}' can be reached by other machines: use 127.0.0.1, or add --listen-anywhere if that is wanted"
        ));
    }
    Ok(Listen::Tcp(address))
}

/// What secrets are read from; the file in the folder unless something else is named.
pub(super) fn source(text: &str, base: &Base<'_>) -> Result<SourceSettings, String> {
    if text.is_empty() {
        return Ok(SourceSettings::Path(base.folder.path().join("secrets.env")));
    }
    match text.split_once(':') {
        Some(("op", id)) if is_environment_id(id) => Ok(SourceSettings::OnePassword(id.to_owned())),
        Some(("op", _)) => Err(format!("'{text}' has no ID of a 1Password Environment after op:")),
        Some(("run", path)) if path.starts_with('/') => Ok(SourceSettings::Program(path.into())),
        Some(("run", _)) => {
            Err(format!("'{text}': write the whole path of the program, such as run:/usr/local/bin/secrets"))
        }
        _ => Ok(SourceSettings::Path(std::path::absolute(text).unwrap_or_else(|_| text.into()))),
    }
}

/// It is an argument of `op`, which must not take it for an option.
fn is_environment_id(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.len() <= 128 && !text.starts_with('-') && text.bytes().all(is_legal)
}

/// The sources of namespaces: `NAMESPACE=SOURCE` entries.
pub(super) fn namespaces(text: &str, base: &Base<'_>) -> Result<Vec<NamespaceSource>, String> {
    let mut found: Vec<NamespaceSource> = Vec::new();
    for entry in entries(text) {
        let form = || format!("'{entry}' is not NAMESPACE=SOURCE, such as work=op:ENVIRONMENT-ID");
        let (name, place) = entry.split_once('=').filter(|(_, place)| !place.is_empty()).ok_or_else(form)?;
        let namespace = Namespace::parse(name.as_bytes())
            .ok_or_else(|| format!("'{name}' is not a namespace: write letters, digits and underscores"))?;
        if namespace.is_default() {
            return Err("the source of the namespace 'default' is --secrets".to_owned());
        }
        let new = NamespaceSource { namespace, source: source(place, base)? };
        match found.iter().find(|it| it.namespace == new.namespace) {
            Some(known) if *known == new => {}
            Some(_) => return Err(format!("the namespace '{name}' has two sources: leave one")),
            None => found.push(new),
        }
    }
    Ok(found)
}

/// The file with the token for `op`; in the folder unless a path is given.
#[expect(clippy::unnecessary_wraps, reason = "the form of a parser")]
pub(super) fn token_file(text: &str, base: &Base<'_>) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Ok(base.folder.path().join("op-token"));
    }
    Ok(std::path::absolute(text).unwrap_or_else(|_| text.into()))
}

/// A file, or none.
pub(super) fn file(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| text.into())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map(Duration::from_secs).ok();
    let parsed = seconds.or_else(|| humantime::parse_duration(text).ok());
    parsed.ok_or_else(|| format!("'{text}' is not a duration such as 300s, 5m or 0"))
}

/// `http://[user:password@]host:port`. Errors leave the text out: it may hold a password.
pub(super) fn upstream_proxy(text: &str) -> Result<Option<UpstreamProxy>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let bad = || "it is not http://host:port or http://user:password@host:port".to_owned();
    let rest = text.strip_prefix("http://").map(|rest| rest.strip_suffix('/').unwrap_or(rest)).ok_or_else(bad)?;
    let (credentials, authority) = match rest.rsplit_once('@') {
        Some((credentials, authority)) => (Some(credentials), authority),
        None => (None, rest),
    };
    let Authority { host, port } = Authority::parse(authority).map_err(|_| bad())?;
    let authorization = credentials.map(|credentials| {
        let credentials: Vec<u8> = percent_decode_str(credentials).collect();
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials)))?;
        value.set_sensitive(true);
        Ok::<_, http::header::InvalidHeaderValue>(value)
    });
    let host = match host {
        Host::Name(name) => name.to_string(),
        Host::Ip(ip) => ip.to_string(),
    };
    Ok(Some(UpstreamProxy {
        host,
        port: port.ok_or_else(bad)?,
        authorization: authorization.transpose().map_err(|_| bad())?,
    }))
}

pub(super) fn proxy_except(text: &str) -> Result<ProxyExcept, String> {
    ProxyExcept::parse(text)
        .map_err(|entry| format!("'{entry}' is none of *, NAME, .NAME, ADDRESS and NETWORK, with or without :PORT"))
}

/// The number of files to keep; all if there is no number.
pub(super) fn files_kept(text: &str) -> Result<Option<usize>, String> {
    if text == "all" { Ok(None) } else { number(text, FILES_CEILING).map(Some) }
}

pub(super) fn hosts(text: &str) -> Result<Allowlist, String> {
    if text.is_empty() {
        return Ok(Allowlist::default());
    }
    Allowlist::parse(text).map_err(|(at, bad)| format!("'{text}': entry {at}: {bad}"))
}

pub(super) fn intercept(text: &str) -> Result<Intercept, String> {
    match text {
        "all" => Ok(Intercept::All),
        "listed" => Ok(Intercept::Listed),
        _ => Err(format!("'{text}' is neither all nor listed")),
    }
}

pub(super) fn audit_sync(text: &str) -> Result<AuditSync, String> {
    match text {
        "write" => Ok(AuditSync::Write),
        "interval" => Ok(AuditSync::Interval),
        "always" => Ok(AuditSync::Always),
        _ => Err(format!("'{text}' is none of write, interval and always")),
    }
}

/// A length of at least 4 KiB: smaller files would be rotated after every few records.
pub(super) fn file_bytes(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(ByteSize(bytes)) if bytes >= 4096 => Ok(bytes),
        _ => Err(format!("'{text}' is not a length such as 64MiB, from 4KiB on")),
    }
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |entry: &str| {
        let single = entry.parse::<IpAddr>().map(IpNet::from);
        entry.parse().or(single).map_err(|_| format!("'{entry}' is not a network such as 127.0.0.0/8"))
    };
    entries(text).map(network).collect()
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!("'{text}' is neither true nor false")),
    }
}

pub(super) fn number(text: &str, ceiling: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=ceiling).contains(&number) => Ok(number),
        _ => Err(format!("'{text}' is not a number from 1 to {ceiling}")),
    }
}

pub(super) fn resolve_entries(text: &str) -> Result<Vec<Resolve>, String> {
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
    let address: SocketAddr = text.parse().ok()?;
    Some((address.ip(), Some(address.port())))
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
    fn addresses_that_others_can_reach_need_a_flag() {
        let folder = Folder::at("/tmp".as_ref());
        let listen_address = |entry, listen_anywhere| listen_address(entry, &Base { folder: &folder, listen_anywhere });
        assert!(listen_address("0.0.0.0:1", false).is_err_and(|error| error.contains("--listen-anywhere")));
        assert!(listen_address("0.0.0.0:1", true).is_ok());
        assert!(listen_address("[::1]:1", false).is_ok());
        assert_eq!(listen_address("unix:p.sock", false), Ok(Listen::Unix("/tmp/p.sock".into())));
        assert!(listen_address("localhost", false).is_err());
        assert!(listen_address("unix:", false).is_err_and(|error| error.contains("names no path")));
    }
}
