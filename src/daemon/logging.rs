//! The operational log `proxy.log`, which also mirrors the audit.

mod clock;
mod fields;
mod file;
mod mirror;

use std::panic;

use actors::folder::Folder;
use actors::mirror::Mirror;
use tracing::error;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use self::clock::Clock;
use self::file::LogFile;
pub(crate) use self::file::reopen;
use crate::terminal::failure::Failure;

/// Libraries that log a few hundred lines for each request below this level, and one that would put
/// its own name before each of ours.
const CAPPED: [(&str, LevelFilter); 7] = [
    ("hyper", LevelFilter::INFO),
    ("hyper_util", LevelFilter::INFO),
    ("h2", LevelFilter::INFO),
    ("rustls", LevelFilter::INFO),
    ("tokio", LevelFilter::INFO),
    ("notify", LevelFilter::INFO),
    ("ractor", LevelFilter::WARN),
];

/// Lines that may wait to be written; further lines are lost. The library reserves memory for all of them, and
/// for its own 128,000 that is 4 MiB.
const LINES_MAX: usize = 8192;

/// Starts logging, and gives the mirror of the audit. What is written last needs the guard to be dropped.
pub(crate) fn start(folder: &Folder, filter: &str) -> Result<(Mirror, WorkerGuard), Failure> {
    let filter = self::filter(filter)?.with_targets(CAPPED);
    let file = LogFile::open(folder.proxy_log())?;
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(LINES_MAX).finish(file);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer.clone()).with_ansi(false).with_timer(Clock);
    tracing_subscriber::registry().with(lines.fmt_fields(fields::on_one_line()).with_filter(filter)).init();
    quiet_panics();
    Ok((mirror::into(writer), guard))
}

/// What the setting means: levels, and `TARGET=LEVEL`. A word that is no level would be a target of which all is
/// logged, and nothing else: it is a slip of the pen.
pub(crate) fn filter(text: &str) -> Result<Targets, Failure> {
    let means = |part: &str| match part.split_once('=') {
        Some((target, level)) => {
            !level.is_empty() && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte))
        }
        None => !part.is_empty() && part.parse::<LevelFilter>().is_ok(),
    };
    let targets = text.split(',').all(means).then(|| text.parse().ok()).flatten();
    targets.ok_or_else(|| {
        Failure::usage(format!("--log (or SECRET_PROXY_LOG): '{text}' is not a filter such as info or debug"))
            .of_variable("SECRET_PROXY_LOG")
    })
}

/// A panic says where it happened and nothing else: its text may know a secret.
fn quiet_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        error!(place, "a task panicked");
        err!("secret-proxy: a task panicked at {place}");
    }));
}
