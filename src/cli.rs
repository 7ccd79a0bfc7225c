//! The command line.

mod ca;
mod doctor;
mod env;
pub(crate) mod service;
pub(crate) mod tunnel;

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};

pub(crate) use self::ca::{CaArgs, CaCommand};
pub(crate) use self::doctor::DoctorArgs;
pub(crate) use self::env::{EnvArgs, Shell};
use self::service::{InstallArgs, UninstallArgs};
use self::tunnel::TunnelArgs;

/// Puts secrets into requests on their way to the hosts they are listed for.
///
/// Programs in a VM send {{NAME}} in a header; the proxy checks that the destination is listed for
/// that secret, puts the real value in, forwards the request and writes an audit line.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = "Try it: secret-proxy demo")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the daemon in the foreground
    #[command(after_help = "Example: secret-proxy run\n\n\
        SIGTERM and SIGINT let requests finish and stop; SIGHUP reads the secrets again.")]
    Run(Box<RunArgs>),
    /// Tell how the daemon is; exit code 0 if secrets can be injected
    #[command(after_help = "Example: secret-proxy status --json | jq .secrets.state")]
    Status(StatusArgs),
    /// Check the secrets file: names, hosts, problems with their lines, never a value
    #[command(after_help = "Example: secret-proxy check ~/.config/secret-proxy/secrets.env\n\n\
        A problem is one line, FILE:LINE: error|warning|note: NAME: what is wrong; what to do. \
        The exit code is 1 if a secret cannot be used.")]
    Check(CheckArgs),
    /// Make the daemon read the secrets again
    #[command(after_help = "Example: secret-proxy reload")]
    Reload(FolderArgs),
    /// Show the audit trail, or check that it is whole
    #[command(after_help = "Example: secret-proxy audit --blocked --since 2h\n\n\
        On a terminal it is set in columns; into a pipe or a file goes JSON, as it stands in the audit file:\n\
        secret-proxy audit --host '*.example.com' | jq -r .path\n\n\
        Files that were rotated (audit.log.N) are read too, oldest first. --verify prints the head of the\n\
        chain: keep it elsewhere, and --verify --head SEQ:HASH shows later whether records are missing.")]
    Audit(AuditArgs),
    /// Show the record behind the id of a refusal (its x-secret-proxy-id header)
    #[command(after_help = "Example: secret-proxy why 0123456789abcdef")]
    Why(WhyArgs),
    /// Show, export or replace the certificate that the VM must trust
    #[command(after_help = "Example: secret-proxy ca export > secret-proxy-ca.pem")]
    Ca(CaArgs),
    /// Have launchd or systemd run the proxy, and a tunnel into each VM that is named
    #[command(after_help = "Example: secret-proxy install work\n\n\
        More VMs can be added later; what is installed stays, and a second run changes nothing. Settings are \
        those of settings.env in the folder.")]
    Install(InstallArgs),
    /// Take away what install made; secrets, settings, CA and logs stay
    #[command(after_help = "Example: secret-proxy uninstall")]
    Uninstall(UninstallArgs),
    /// Look at every link from the files to the VM, and say what to type where one is broken
    #[command(after_help = "Example: secret-proxy doctor work\n\n\
        One line a link: ok, warn or FAIL, and what to type. No secret is sent anywhere: injection and refusal are \
        tried by a throw-away proxy with a made-up one. The exit code is 1 if a link is broken.")]
    Doctor(DoctorArgs),
    /// Keep a reverse tunnel into a VM, so that the proxy's port is there
    #[command(after_help = "Example: secret-proxy tunnel work\n\n\
        It runs in the foreground and mends itself; how it is, secret-proxy status tells. SIGTERM ends it.")]
    Tunnel(TunnelArgs),
    /// Print the variables that programs in the VM need
    #[command(after_help = "Example: secret-proxy env --shell fish | source\n\n\
        In sh: eval \"$(secret-proxy env)\". For a VM without the program, the output of the host's goes into\n\
        the VM's /etc/environment. What each client makes of it: docs/clients.md.")]
    Env(EnvArgs),
    /// See it work, in a few seconds, without network, 1Password or root
    #[command(after_help = "Example: secret-proxy demo")]
    Demo,
}

/// Where the daemon's own files are.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FolderArgs {
    /// Folder of settings, CA and logs [default: ~/.config/secret-proxy]
    #[arg(long, global = true, env = "SECRET_PROXY_DIR", hide_env_values = true, value_name = "FOLDER",
          value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(crate) dir: Option<PathBuf>,
}

/// Settings are taken from the flag, else the environment, else FOLDER/settings.env.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// Addresses to listen on, separated by commas: ADDRESS:PORT or unix:PATH
    /// [default: 127.0.0.1:17329,unix:FOLDER/proxy.sock]
    #[arg(long, env = "SECRET_PROXY_LISTEN", hide_env_values = true, value_name = "ADDRESSES")]
    pub(crate) listen: Option<String>,

    /// Allow addresses that other machines can reach
    #[arg(long, env = "SECRET_PROXY_LISTEN_ANYWHERE", hide_env_values = true, value_name = "BOOL",
          num_args = 0..=1, default_missing_value = "true")]
    pub(crate) listen_anywhere: Option<String>,

    /// The secrets file, or the pipe that 1Password mounts [default: FOLDER/secrets.env]
    #[arg(long, env = "SECRET_PROXY_SECRETS", hide_env_values = true, value_name = "FILE")]
    pub(crate) secrets: Option<String>,

    /// How long a read of the secrets is used; 0 reads for every request [default: 300s]
    #[arg(
        long,
        env = "SECRET_PROXY_SECRETS_TTL",
        hide_env_values = true,
        value_name = "DURATION",
        allow_hyphen_values = true
    )]
    pub(crate) secrets_ttl: Option<String>,

    /// How long the pipe is held open for an approval after the last request that needs it [default: 60s]
    #[arg(
        long,
        env = "SECRET_PROXY_APPROVAL_WAIT",
        hide_env_values = true,
        value_name = "DURATION",
        allow_hyphen_values = true
    )]
    pub(crate) approval_wait: Option<String>,

    /// Tell on the screen, once, that requests wait for locked secrets (macOS) [default: true]
    #[arg(long, env = "SECRET_PROXY_NOTIFY", hide_env_values = true, value_name = "BOOL",
          num_args = 0..=1, default_missing_value = "true")]
    pub(crate) notify: Option<String>,

    /// PEM roots trusted for upstream servers besides the system's
    #[arg(long, env = "SECRET_PROXY_UPSTREAM_CA", hide_env_values = true, value_name = "FILE")]
    pub(crate) upstream_ca: Option<String>,

    /// Networks that may be dialled although they are denied (such as 127.0.0.0/8), separated by commas
    #[arg(long, env = "SECRET_PROXY_ALLOW_NET", hide_env_values = true, value_name = "CIDRS")]
    pub(crate) allow_net: Option<String>,

    /// Do not dial private networks (RFC 1918, unique local, 100.64.0.0/10)
    #[arg(long, env = "SECRET_PROXY_DENY_PRIVATE", hide_env_values = true, value_name = "BOOL",
          num_args = 0..=1, default_missing_value = "true")]
    pub(crate) deny_private: Option<String>,

    /// Hosts whose tunnels are passed through byte for byte, written as in _HOSTS: nothing is put in there
    #[arg(long, env = "SECRET_PROXY_PASSTHROUGH", hide_env_values = true, value_name = "HOSTS")]
    pub(crate) passthrough: Option<String>,

    /// Which other tunnels are intercepted: all, or listed (only those to hosts that some secret may be
    /// sent to, and all while the list is not known) [default: all]
    #[arg(long, env = "SECRET_PROXY_INTERCEPT", hide_env_values = true, value_name = "WHICH")]
    pub(crate) intercept: Option<String>,

    /// NAME:PORT:ADDRESS or NAME:PORT:ADDRESS:PORT entries that answer before the system's resolver;
    /// certificates are verified for NAME all the same
    #[arg(long, env = "SECRET_PROXY_RESOLVE", hide_env_values = true, value_name = "ENTRIES")]
    pub(crate) resolve: Option<String>,

    /// An HTTP proxy that upstream connections go through: http://host:port or http://user:password@host:port.
    /// It looks names up, so that only addresses and --resolve entries can be judged. A password is safer in
    /// settings.env
    #[arg(long, env = "SECRET_PROXY_UPSTREAM_PROXY", hide_env_values = true, value_name = "URL")]
    pub(crate) upstream_proxy: Option<String>,

    /// When a record counts as written: write (taken by the system), interval (also synced once a second)
    /// or always (synced to the disk first) [default: write]
    #[arg(long, env = "SECRET_PROXY_AUDIT_SYNC", hide_env_values = true, value_name = "WHEN")]
    pub(crate) audit_sync: Option<String>,

    /// From which length on audit.log is moved aside and another begun [default: 64MiB]
    #[arg(
        long,
        env = "SECRET_PROXY_AUDIT_BYTES",
        hide_env_values = true,
        value_name = "LENGTH",
        allow_hyphen_values = true
    )]
    pub(crate) audit_bytes: Option<String>,

    /// How many files that were moved aside are kept, or all; the oldest are deleted [default: all]
    #[arg(long, env = "SECRET_PROXY_AUDIT_KEEP", hide_env_values = true, value_name = "N", allow_hyphen_values = true)]
    pub(crate) audit_keep: Option<String>,

    /// Client connections at a time [default: 4096]
    #[arg(
        long,
        env = "SECRET_PROXY_MAX_SESSIONS",
        hide_env_values = true,
        value_name = "N",
        allow_hyphen_values = true
    )]
    pub(crate) max_sessions: Option<String>,

    /// Threads that serve requests [default: 1]
    #[arg(long, env = "SECRET_PROXY_WORKERS", hide_env_values = true, value_name = "N", allow_hyphen_values = true)]
    pub(crate) workers: Option<String>,

    /// What proxy.log holds: a level, or TARGET=LEVEL, separated by commas [default: info]
    #[arg(long, env = "SECRET_PROXY_LOG", hide_env_values = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// Print the whole report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// The file to check [default: the secrets file of the settings]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Print names, hosts and problems as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag")]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// Go on with new records as they are written
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Only refusals
    #[arg(long)]
    pub(crate) blocked: bool,

    /// Only requests for this secret
    #[arg(long, value_name = "NAME")]
    pub(crate) secret: Option<String>,

    /// Only requests to this host, or to any below it with *.HOST
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,

    /// Only records since then: 30m, 2h, 7d, or a date or timestamp such as 2026-02-04 (UTC)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Only the last N of them
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) limit: Option<usize>,

    /// Print JSON lines on a terminal too
    #[arg(long)]
    pub(crate) json: bool,

    /// Check the hash chain of all files instead, and name the first line that breaks it
    #[arg(long, conflicts_with_all = ["follow", "blocked", "secret", "host", "since", "limit"])]
    pub(crate) verify: bool,

    /// The head that --verify printed before: it must still be in the chain
    #[arg(long, requires = "verify", value_name = "SEQ:HASH")]
    pub(crate) head: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// The id, 16 hex digits
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}
