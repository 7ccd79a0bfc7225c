//! The settings of `run`, each declared once.
//!
//! Flags, variables, the names that `settings.env` may hold, the places in errors, `docs/settings.md` and
//! `nix/settings.json` are made from this list. A new setting is an entry here, its line in the function of its owner
//! in `tree.rs`, and a field of `actors/src/OWNER/settings.rs`.

use std::path::PathBuf;
use std::time::Duration;

use actors::settings::{
    AuditSync, Intercept, Listen, NamespaceSource, ProxyExcept, Resolve, SourceSettings, UpstreamProxy,
};
use ipnet::IpNet;
use policy::destination::allowlist::Allowlist;

use super::port::default_port;
use super::setting::{About, Default, Kind, Owner, Setting};
use super::values;

/// More permits than a semaphore can hand out, or descriptors than a system has, are useless.
const SESSIONS_CEILING: usize = 1_000_000;
const WORKERS_CEILING: usize = 1024;

/// Declares constants, and the list of them all in the order of the help.
macro_rules! settings {
    ($($name:ident: $type:ty { $($field:ident: $value:expr,)+ } parse $parse:expr;)+) => {
        $(pub(crate) const $name: Setting<$type> = Setting {
            about: About { $($field: $value,)+ },
            parse: $parse,
        };)+

        /// Every setting.
        pub(super) const ALL: &[&About] = &[$(&$name.about),+];
    };
}

settings! {
    LISTEN: Vec<Listen> {
        name: "listen",
        value: "ADDRESSES",
        kind: Kind::List("127.0.0.1:18000"),
        default: Default::Text(concat!("127.0.0.1:", default_port!(), ",unix:proxy.sock")),
        help: "Listen on these addresses, separated by commas: ADDRESS:PORT or unix:PATH (a relative PATH is in FOLDER)",
        owner: Owner::Listener,
    } parse values::listen_addresses;

    LISTEN_ANYWHERE: bool {
        name: "listen-anywhere",
        value: "BOOL",
        kind: Kind::Boolean,
        default: Default::Text("false"),
        help: "Allow --listen addresses that other machines can reach",
        owner: Owner::Listener,
    } parse |text, _| values::boolean(text);

    MAX_SESSIONS: usize {
        name: "max-sessions",
        value: "N",
        kind: Kind::Number(SESSIONS_CEILING),
        default: Default::Text("4096"),
        help: "Maximum number of concurrent client connections",
        owner: Owner::Listener,
    } parse |text, _| values::number(text, SESSIONS_CEILING);

    SECRETS: SourceSettings {
        name: "secrets",
        value: "SOURCE",
        kind: Kind::Text,
        default: Default::Described("FOLDER/secrets.env"),
        help: "Read secrets from this file, from the pipe that 1Password mounts there, from a 1Password Environment \
               (op:ID) or from the output of a program (run:/PATH)",
        owner: Owner::SecretStore,
    } parse values::source;

    NAMESPACES: Vec<NamespaceSource> {
        name: "namespaces",
        value: "ENTRIES",
        kind: Kind::List("work=op:ENVIRONMENT-ID"),
        default: Default::Nothing,
        help: "Read the secrets of {{NAMESPACE:NAME}} from these NAMESPACE=SOURCE entries, separated by commas, besides \
               FOLDER/namespaces/NAMESPACE/secrets.env",
        owner: Owner::SecretStore,
    } parse values::namespaces;

    OP: PathBuf {
        name: "op",
        value: "PROGRAM",
        kind: Kind::Text,
        default: Default::Text("op"),
        help: "Run this program for op: sources: a path, or a name to look up in PATH",
        owner: Owner::SecretStore,
    } parse |text, _| Ok(text.into());

    OP_TOKEN_FILE: PathBuf {
        name: "op-token-file",
        value: "FILE",
        kind: Kind::Text,
        default: Default::Described("FOLDER/op-token"),
        help: "Read the token of the 1Password service account from this file, which must have mode 0600 or 0400",
        owner: Owner::SecretStore,
    } parse values::token_file;

    SECRETS_TTL: Duration {
        name: "secrets-ttl",
        value: "DURATION",
        kind: Kind::Duration,
        default: Default::Text("300s"),
        help: "Keep secrets for this time after a read; 0 reads them for every request",
        owner: Owner::SecretStore,
    } parse |text, _| values::duration(text);

    APPROVAL_WAIT: Duration {
        name: "approval-wait",
        value: "DURATION",
        kind: Kind::Duration,
        default: Default::Text("60s"),
        help: "Keep the pipe open for this time after the last request that waits for an approval",
        owner: Owner::SecretStore,
    } parse |text, _| values::duration(text);

    NOTIFY: bool {
        name: "notify",
        value: "BOOL",
        kind: Kind::Boolean,
        default: Default::Text("true"),
        help: "Show one notification on the screen when requests wait for locked secrets (macOS)",
        owner: Owner::SecretStore,
    } parse |text, _| values::boolean(text);

    UPSTREAM_CA: Option<PathBuf> {
        name: "upstream-ca",
        value: "FILE",
        kind: Kind::File,
        default: Default::Nothing,
        help: "Trust these PEM roots for upstream servers, besides the system's",
        owner: Owner::Upstream,
    } parse |text, _| Ok(values::file(text));

    ALLOW_NET: Vec<IpNet> {
        name: "allow-net",
        value: "CIDRS",
        kind: Kind::List("127.0.0.0/8"),
        default: Default::Nothing,
        help: "Exempt these networks from the denied addresses, such as 127.0.0.0/8; separated by commas",
        owner: Owner::Upstream,
    } parse |text, _| values::networks(text);

    DENY_PRIVATE: bool {
        name: "deny-private",
        value: "BOOL",
        kind: Kind::Boolean,
        default: Default::Text("false"),
        help: "Deny connections to private networks (RFC 1918, unique local, 100.64.0.0/10), except to destinations that \
               some secret is listed for",
        owner: Owner::Upstream,
    } parse |text, _| values::boolean(text);

    RESOLVE: Vec<Resolve> {
        name: "resolve",
        value: "ENTRIES",
        kind: Kind::List("git.example.com:443:10.0.0.7"),
        default: Default::Nothing,
        help: "Resolve names by these NAME:PORT:ADDRESS or NAME:PORT:ADDRESS:PORT entries, separated by commas, before \
               the system's resolver; several entries for one NAME:PORT are its addresses. Certificates are still \
               verified for NAME",
        owner: Owner::Upstream,
    } parse |text, _| values::resolve_entries(text);

    UPSTREAM_PROXY: Option<UpstreamProxy> {
        name: "upstream-proxy",
        value: "URL",
        kind: Kind::Text,
        default: Default::Nothing,
        help: "Connect to upstreams through this HTTP proxy: http://host:port or http://user:password@host:port. \
               That proxy resolves names, so only literal addresses and --resolve entries are checked against the \
               denied networks. A password is safer in settings.env",
        owner: Owner::Upstream,
    } parse |text, _| values::upstream_proxy(text);

    UPSTREAM_PROXY_EXCEPT: ProxyExcept {
        name: "upstream-proxy-except",
        value: "HOSTS",
        kind: Kind::List("corp.example.com"),
        default: Default::Nothing,
        help: "Connect to these hosts without the upstream proxy; written as in NO_PROXY: NAME (with its subdomains), \
               .NAME (its subdomains alone), an address, a network or *, each with or without :PORT, separated by commas",
        owner: Owner::Upstream,
    } parse |text, _| values::proxy_except(text);

    PASSTHROUGH: Allowlist {
        name: "passthrough",
        value: "HOSTS",
        kind: Kind::List("pinned.example.com"),
        default: Default::Nothing,
        help: "Pass CONNECT tunnels to these hosts through byte for byte, without injection; HOSTS are written as in \
               NAME_HOSTS",
        owner: Owner::Session,
    } parse |text, _| values::hosts(text);

    INTERCEPT: Intercept {
        name: "intercept",
        value: "WHICH",
        kind: Kind::Choice(&["all", "listed"]),
        default: Default::Text("all"),
        help: "Intercept all CONNECT tunnels (all), or only those to hosts that some secret may go to (listed; all \
               tunnels until the secrets are first read). Tunnels of --passthrough are never intercepted",
        owner: Owner::Session,
    } parse |text, _| values::intercept(text);

    AUDIT_SYNC: AuditSync {
        name: "audit-sync",
        value: "WHEN",
        kind: Kind::Choice(&["write", "interval", "always"]),
        default: Default::Text("write"),
        help: "Count a record as written when the system has taken it (write; interval also syncs once a second), or \
               when it is synced to the disk (always)",
        owner: Owner::Audit,
    } parse |text, _| values::audit_sync(text);

    AUDIT_BYTES: u64 {
        name: "audit-bytes",
        value: "LENGTH",
        kind: Kind::Size,
        default: Default::Text("64MiB"),
        help: "Rotate audit.log at this size",
        owner: Owner::Audit,
    } parse |text, _| values::file_bytes(text);

    AUDIT_KEEP: Option<usize> {
        name: "audit-keep",
        value: "N",
        kind: Kind::NumberOr("all"),
        default: Default::Text("all"),
        help: "Keep this many rotated audit files, or all; the oldest are deleted, except for their refusals",
        owner: Owner::Audit,
    } parse |text, _| values::files_kept(text);

    WORKERS: usize {
        name: "workers",
        value: "N",
        kind: Kind::Number(WORKERS_CEILING),
        default: Default::Text("1"),
        help: "Serve requests with this many threads",
        owner: Owner::Process,
    } parse |text, _| values::number(text, WORKERS_CEILING);

    LOG: String {
        name: "log",
        value: "FILTER",
        kind: Kind::Text,
        default: Default::Text("info"),
        help: "Log to proxy.log at these levels: LEVEL or TARGET=LEVEL, separated by commas",
        owner: Owner::Process,
    } parse |text, _| Ok(text.to_owned());
}
