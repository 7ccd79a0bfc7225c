//! The operational log: `proxy.log`. The audit is not this; it is mirrored here.

mod clock;
mod fields;
mod file;
mod mirror;

use std::panic;

use actors::folder::Folder;
use actors::mirror::Mirror;
use tracing::error;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use self::clock::Clock;
use self::file::LogFile;
pub(crate) use self::file::reopen;
use crate::failure::Failure;

/// Libraries that log a few hundred lines for each request below this level, and one that would put
/// its own name before each of ours.
const CAPPED: [&str; 7] =
    ["hyper=info", "hyper_util=info", "h2=info", "rustls=info", "tokio=info", "notify=info", "ractor=warn"];

/// Lines that may wait to be written; further ones are lost. The library sets room aside for all of them, and
/// for its own 128,000 that is 4 MiB.
const LINES_MAX: usize = 8192;

/// Starts logging, and gives the mirror of the audit. What is written last needs the guard to be dropped.
pub(crate) fn start(folder: &Folder, filter: &str) -> Result<(Mirror, WorkerGuard), Failure> {
    let mut filter = self::filter(filter)?;
    for directive in CAPPED {
        if let Ok(directive) = directive.parse() {
            filter = filter.add_directive(directive);
        }
    }
    let file = LogFile::open(folder.proxy_log()).map_err(Failure::not_well)?;
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(LINES_MAX).finish(file);
    let lines = tracing_subscriber::fmt().with_writer(writer.clone()).with_ansi(false).with_timer(Clock);
    lines.fmt_fields(fields::on_one_line()).with_env_filter(filter).init();
    quiet_panics();
    Ok((mirror::into(writer), guard))
}

/// What the setting means.
pub(crate) fn filter(text: &str) -> Result<EnvFilter, Failure> {
    EnvFilter::try_new(text).map_err(|_| {
        Failure::usage(format!("--log (or SECRET_PROXY_LOG): '{text}' is not a filter such as info or debug"))
    })
}

/// A panic says where it happened and nothing else: its text may know a secret.
fn quiet_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        error!(place, "a task panicked");
        complain!("secret-proxy: a task panicked at {place}");
    }));
}
